"""How far a student's scores are from a teacher's: pure functions, one number per sequence.

All are 0 where the two agree. No gradient belongs to the teacher's scores.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_modules.losses.log_probabilities import wide

__all__ = ["binary_kl", "margin_distance"]


def margin_distance(student: Tensor, teacher: Tensor, groups: Tensor) -> Tensor:
    """Return the mean squared error of a sequence's margins to the others of its group, [sequences].

    For sequence i that is the mean over the others j of ((S_i - S_j) - (T_i - T_j))^2; in a group of two the squared
    error of their one margin. A sequence that is alone has 0.

    Args:
        student: Scores, [sequences].
        teacher: Scores, [sequences].
        groups: Which belong together, equal numbers beside each other, int64 [sequences].
    """
    counts = torch.unique_consecutive(groups, return_counts=True)[1].tolist()
    errors = wide(student) - wide(teacher)
    return torch.cat(
        [(group[:, None] - group).square().sum(1) / max(1, len(group) - 1) for group in torch.split(errors, counts)]
    )


def binary_kl(student: Tensor, teacher: Tensor, temperature: float, of_difference: bool = False) -> Tensor:
    """Return T^2 * sum over the classes k of KL(Bernoulli(s(z_T,k / T)) || Bernoulli(s(z_S,k / T))), [sequences].

    s is the logistic function: every class is a question of its own, answered yes or no, so that a constant added to
    all logits counts, unlike under a softmax.

    Args:
        student: Logits z_S, [sequences, classes].
        teacher: Logits z_T, [sequences, classes].
        temperature: T, above 0.
        of_difference: Compare s((z_S - z_T) / T) with 1/2 instead.
    """
    mine, other = wide(student) / temperature, wide(teacher) / temperature
    if of_difference:
        mine, other = mine - other, torch.zeros_like(other)
    yes = torch.sigmoid(other)
    terms = yes * (F.logsigmoid(other) - F.logsigmoid(mine)) + (1 - yes) * (F.logsigmoid(-other) - F.logsigmoid(-mine))
    return temperature**2 * terms.sum(1)
