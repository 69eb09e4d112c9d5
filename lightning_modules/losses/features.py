"""How far a student's hidden states are from its teacher's: pure functions, one number per token.

All are 0 where the two agree. No gradient belongs to the teacher's states.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_modules.losses.log_probabilities import wide

__all__ = ["cosine_distance", "similarity_distance", "squared_distance"]


def squared_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean over the features of (h_S - h_T)^2, [tokens].

    >>> squared_distance(torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([2.])
    """
    return (wide(student) - wide(teacher)).square().mean(1)


def cosine_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return 1 - cos(h_S, h_T), [tokens], in [0, 2]: the lengths of the states do not count."""
    return 1 - (F.normalize(wide(student), dim=1) * F.normalize(wide(teacher), dim=1)).sum(1)


def similarity_distance(student: Tensor, teacher: Tensor, sequences: Tensor, cosine: bool = True) -> Tensor:
    """Return, for every token t, the mean over the tokens u of its sequence of (S_tu - T_tu)^2, [tokens].

    S and T are the similarities of the hidden states of two tokens, s_t . s_u and t_t . t_u: either side has its own
    width and its own axes. Only tokens of one sequence are compared, so that no other sequence of the batch counts.

    Args:
        student: Hidden states, [tokens, features].
        teacher: Hidden states, [tokens, any number of features].
        sequences: The number of each token's sequence, rising, int64 [tokens].
        cosine: Scale every state to length 1 first; otherwise products are divided by the number of features.
    """
    counts = torch.unique_consecutive(sequences, return_counts=True)[1].tolist()
    mine, other = (torch.split(scaled(wide(side), cosine), counts) for side in (student, teacher))
    return torch.cat([(s @ s.T - t @ t.T).square().mean(1) for s, t in zip(mine, other, strict=True)])


def scaled(states: Tensor, cosine: bool) -> Tensor:
    """Return the states of length 1, or so that their products are means over the features, [tokens, features]."""
    return F.normalize(states, dim=1) if cosine else states / states.shape[1] ** 0.5
