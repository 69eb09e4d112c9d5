"""Losses on answers that a verifier has marked, from the ratio of the student to the policy that wrote them.

Everything here is per token or per question and divides by nothing: the module that uses it divides by totals of the
whole optimiser step. R is the ratio pi(y_t | x, y_<t) / pi_old(y_t | x, y_<t), given as its logarithm.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    "GroupStatistics",
    "clipped_advantage",
    "distance_to_reference",
    "group_statistics",
    "implicit_negative",
    "marginal_nll",
    "straight_through_floor",
]


class GroupStatistics(NamedTuple):
    """What the rewards of each question's answers come to."""

    mean: Tensor
    """Their mean, [groups]; with rewards of 0 and 1 the pass rate."""
    deviation: Tensor
    """Their standard deviation over the group (divided by its size, not by one less), [groups]; exactly 0 where all
    are equal."""


def group_statistics(rewards: Tensor, groups: Tensor, count: int) -> GroupStatistics:
    """Return mean and standard deviation of the rewards in each group.

    >>> group_statistics(torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0, 0, 1]), 2).deviation.tolist()
    [0.5, 0.0]

    Args:
        rewards: [answers].
        groups: The group of each answer, [answers], int64 in [0, count).
        count: Number of groups.
    """
    zeros = rewards.new_zeros(count)
    sizes = zeros.index_add(0, groups, torch.ones_like(rewards)).clamp(min=1)
    mean = zeros.index_add(0, groups, rewards) / sizes
    variance = zeros.index_add(0, groups, (rewards - mean[groups]).square()) / sizes
    highest = zeros.scatter_reduce(0, groups, rewards, "amax", include_self=False)
    lowest = zeros.scatter_reduce(0, groups, rewards, "amin", include_self=False)
    # Three rewards of 0.1 do not have a mean of exactly 0.1: rounding would pass for a difference.
    return GroupStatistics(mean, variance.sqrt().masked_fill(highest == lowest, 0.0))


def clipped_advantage(log_ratio: Tensor, advantage: Tensor, clip_below: float = 0.2, clip_above: float = 0.2) -> Tensor:
    """Return the clipped policy loss of every token, [tokens]: -min(R A, clip(R, 1 - clip_below, 1 + clip_above) A).

    After PPO (Schulman et al. 2017, arXiv:1707.06347), as GRPO uses it. Once a token has moved so far in the direction
    that its advantage asks for, it has no gradient left.

    Args:
        log_ratio: log R, [tokens].
        advantage: A of the answer that each token belongs to, [tokens].
        clip_below: How far R may fall below 1, in [0, 1].
        clip_above: How far R may rise above 1, at least 0.
    """
    ratio = log_ratio.exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip_below, 1 + clip_above) * advantage)


def distance_to_reference(log_probability: Tensor, reference: Tensor) -> Tensor:
    """Return how far the student is from a reference at every sampled token, [tokens]: exp(r) - r - 1, in nats.

    With r = log pi_ref(y_t) - log pi(y_t), it is the estimate of KL(pi || pi_ref) that GRPO takes (DeepSeekMath, Shao
    et al. 2024, arXiv:2402.03300; "k3" in Schulman's note on estimating it): never below 0, 0 where both agree, and on
    average over the student's own tokens the divergence itself. Its gradient, (1 - exp(r)) times that of log pi(y_t),
    is on average that of KL(pi_ref || pi).

    >>> distance_to_reference(torch.tensor([0.0, -1.0]), torch.tensor([0.0, 0.0])).tolist()
    [0.0, 0.7182818651199341]

    Args:
        log_probability: log pi(y_t), [tokens].
        reference: log pi_ref(y_t), [tokens].
    """
    log_ratio = reference - log_probability
    return log_ratio.expm1() - log_ratio  # exp(r) - 1 would be nothing but rounding where the two nearly agree


def implicit_negative(
    log_ratio: Tensor, right: Tensor, pass_rate: Tensor, negative_weight: float = 1.0, smallest_ratio: float = 1.0
) -> Tensor:
    """Return the loss of every token by negative-aware fine-tuning, [tokens], before the weight of its question.

    NFT (Chen et al. 2025, arXiv:2505.18116), with r the pass rate of the question:

        right answer    -log R
        wrong answer    -negative_weight * log max_ST((1 - r R) / (1 - r), smallest_ratio)

    The policy that sampled is a mixture of what it writes when it is right and when it is wrong, pi_old = r pi+ +
    (1 - r) pi-. The student stands for pi+; so (1 - r R) / (1 - r) is the ratio of pi- to pi_old, and making wrong
    answers likely under pi- trains pi+ on them without ever asking it to forget. max_ST is a maximum through which the
    gradient passes as if it were not there; with the paper's smallest ratio of 1 the value of a wrong token is 0 or
    below whatever happens, the gradient is not.

    Args:
        log_ratio: log R, [tokens].
        right: Whether the answer of each token is right, bool [tokens].
        pass_rate: r of its question, in (0, 1), [tokens].
        negative_weight: The authors' lambda; 0 leaves rejection fine-tuning.
        smallest_ratio: The authors' epsilon, above 0.
    """
    implicit = (1 - pass_rate * log_ratio.exp()) / (1 - pass_rate)
    wrong = -negative_weight * straight_through_floor(implicit, smallest_ratio).log()
    return torch.where(right, -log_ratio, wrong)


def straight_through_floor(values: Tensor, floor: float) -> Tensor:
    """Return max(values, floor), with the gradient of `values` everywhere."""
    return values + (values.clamp(min=floor) - values).detach()


def marginal_nll(log_probabilities: Tensor, groups: Tensor, count: int, exponent: float = 1.0) -> Tensor:
    """Return -(1 / exponent) log sum over a group's answers of p^exponent, in nats, [groups].

    With exponent 1 the maximum marginal likelihood (MML), where the likeliest right answer gets most of the gradient;
    towards 0 every answer gets the same (beta-MML: Ni et al. 2022, arXiv:2205.14318). A group without answers gets 0.

    Args:
        log_probabilities: log p of each answer, the sum over its tokens, [answers].
        groups: The group of each answer, [answers], int64 in [0, count).
        count: Number of groups.
        exponent: The authors' beta, in (0, 1].
    """
    scaled = exponent * log_probabilities
    zeros = scaled.new_zeros(count)
    # The largest is taken out before the exponential: answers of a hundred tokens have p = e^-200.
    largest = zeros.scatter_reduce(0, groups, scaled.detach(), "amax", include_self=False)
    sums = zeros.index_add(0, groups, (scaled - largest[groups]).exp())
    present = sums > 0
    marginal = largest + torch.where(present, sums, 1.0).log()
    return -torch.where(present, marginal, 0.0) / exponent
