"""How far a student's next-token distribution is from its teacher's: pure functions, one number per token.

All take natural log-probabilities of student and teacher, [tokens, outcomes], as `log_probabilities` makes them, and
return nats (total variation: a probability), [tokens]. Nothing here adds up or divides over tokens. All are 0 where
the two agree, and nothing is left out: a constant dropped from a Kullback-Leibler divergence, as is common in public
code, would make the values of different divergences incomparable. p is the teacher, q the student.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "adaptive_kl",
    "forward_kl",
    "forward_weight",
    "generalized_jsd",
    "mixture",
    "reverse_kl",
    "skew_forward_kl",
    "skew_reverse_kl",
    "symmetric_kl",
    "total_variation",
]


def kl(left: Tensor, right: Tensor) -> Tensor:
    """Return KL(left || right) = sum over outcomes of left * (log left - log right), [tokens]."""
    return (left.exp() * (left - right)).sum(-1)


def mixture(student: Tensor, teacher: Tensor, teacher_share: float) -> Tensor:
    """Return log(share * p + (1 - share) * q), [tokens, outcomes]."""
    if teacher_share in (0, 1):
        return teacher if teacher_share else student
    return torch.logaddexp(teacher + math.log(teacher_share), student + math.log1p(-teacher_share))


def forward_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """Return KL(p || q): the student must cover all that the teacher might say.

    >>> half = torch.tensor([[0.5, 0.5]]).log()
    >>> forward_kl(half, torch.tensor([[1.0, 1e-30]]).log())
    tensor([0.6931])
    """
    return kl(teacher, student)


def reverse_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """Return KL(q || p): the student must say nothing that the teacher would not."""
    return kl(student, teacher)


def generalized_jsd(student: Tensor, teacher: Tensor, beta: float, even_scale: bool = False) -> Tensor:
    """Return beta * KL(p || M) + (1 - beta) * KL(q || M) with M = beta * p + (1 - beta) * q.

    The formula is 0 at both ends, whatever p and q, so these are defined apart: KL(p || q) at beta = 0 and KL(q || p)
    at beta = 1. Near them the value is about beta * KL(p || q) or (1 - beta) * KL(q || p): the scale jumps.

    Args:
        student: Log-probabilities, [tokens, outcomes].
        teacher: Log-probabilities, [tokens, outcomes].
        beta: Share of the teacher in the mixture, in [0, 1].
        even_scale: Divide by beta * (1 - beta), which takes the jump away at both ends.
    """
    if beta in (0, 1):
        return reverse_kl(student, teacher) if beta else forward_kl(student, teacher)
    middle = mixture(student, teacher, beta)
    value = beta * kl(teacher, middle) + (1 - beta) * kl(student, middle)
    return value / (beta * (1 - beta)) if even_scale else value


def skew_forward_kl(student: Tensor, teacher: Tensor, skew: float) -> Tensor:
    """Return KL(p || skew * p + (1 - skew) * q); never above -log(skew)."""
    return kl(teacher, mixture(student, teacher, skew))


def skew_reverse_kl(student: Tensor, teacher: Tensor, skew: float) -> Tensor:
    """Return KL(q || (1 - skew) * p + skew * q); never above -log(skew)."""
    return kl(student, mixture(student, teacher, 1 - skew))


def symmetric_kl(student: Tensor, teacher: Tensor, reverse_share: float) -> Tensor:
    """Return (1 - share) * KL(p || q) + share * KL(q || p)."""
    return (1 - reverse_share) * forward_kl(student, teacher) + reverse_share * reverse_kl(student, teacher)


def total_variation(student: Tensor, teacher: Tensor) -> Tensor:
    """Return half the sum of |p - q|, in [0, 1]: the largest difference in probability of any set of tokens."""
    return (teacher.exp() - student.exp()).abs().sum(-1) / 2


def adaptive_kl(student: Tensor, teacher: Tensor, head_mass: float) -> Tensor:
    """Return w * KL(p || q) + (1 - w) * KL(q || p) with the weight of every token from `forward_weight`."""
    weight = forward_weight(student, teacher, head_mass)
    return weight * forward_kl(student, teacher) + (1 - weight) * reverse_kl(student, teacher)


@torch.no_grad()
def forward_weight(student: Tensor, teacher: Tensor, head_mass: float) -> Tensor:
    """Return which part of sum |p - q| lies on the teacher's head, [tokens], in [0, 1]; no gradient goes through it.

    The head is the teacher's most probable token, and the next ones as long as together they have at most `head_mass`:
    unlike in nucleus sampling the token that crosses it is left out. Ties go to the lower id.
    """
    order = teacher.argsort(dim=-1, descending=True, stable=True)
    sorted_p = teacher.gather(-1, order).exp()
    gap = (sorted_p - student.gather(-1, order).exp()).abs()
    head = sorted_p.cumsum(-1) <= head_mass
    head[..., 0] = True
    return (gap * head).sum(-1) / gap.sum(-1).clamp(min=torch.finfo(gap.dtype).tiny)  # no gap: both divergences are 0
