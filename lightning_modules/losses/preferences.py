"""Losses on preferences, from the log-probabilities of whole texts: pure functions.

All are in nats and return one number for every pair or text (`group_alignment`: for every group). Nothing here adds up
or divides over them: the module that uses it divides by the totals of the whole optimiser step. In the formulas y+ is
the chosen text, y- the rejected one, log r(y) = log pi(y|x) - log pi_ref(y|x) the log-ratio of student and reference,
and s(y) = log pi(y|x) / |y| the mean log-probability of a token.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "group_alignment",
    "ipo",
    "kto",
    "log_odds",
    "npo",
    "odds_ratio",
    "preference_nll",
    "redi",
    "score_distance",
]

NEVER = -1e30
"""A logarithm whose exponential is exactly 0, and which unlike -inf has a gradient of 0 where all are so."""


def preference_nll(gap: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return -(1 - e) log sigmoid(gap) - e log sigmoid(-gap), [pairs]: Bradley and Terry's model of a choice.

    >>> preference_nll(torch.tensor([0.0, 3.0]))
    tensor([0.6931, 0.0486])

    Args:
        gap: By how much the reward of the chosen text exceeds that of the rejected one, [pairs].
        label_smoothing: e, the probability that a pair is the wrong way round, in [0, 0.5].
    """
    right, wrong = -F.logsigmoid(gap), -F.logsigmoid(-gap)
    return (1 - label_smoothing) * right + label_smoothing * wrong if label_smoothing else right


def ipo(gap: Tensor, regularisation: float) -> Tensor:
    """Return (gap - 1 / (2 tau))^2, [pairs]: the gap has a size to reach, not to exceed.

    Args:
        gap: (1/|y+|) log r(y+) - (1/|y-|) log r(y-), [pairs].
        regularisation: tau, above 0.
    """
    return (gap - 1 / (2 * regularisation)).square()


def log_odds(mean: Tensor) -> Tensor:
    """Return log(p / (1 - p)) of p = exp(mean), [texts]; `mean` is below 0, and taken to be just so where it is not.

    >>> log_odds(torch.tensor([0.5, 0.8]).log())
    tensor([0.0000, 1.3863])
    """
    below = mean.clamp(max=-torch.finfo(mean.dtype).eps)
    return below - (-torch.expm1(below)).log()


def odds_ratio(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return -log sigmoid(log odds(y+) - log odds(y-)), [pairs], from mean log-probabilities s."""
    return -F.logsigmoid(log_odds(chosen) - log_odds(rejected))


def kto(
    log_ratio: Tensor,
    good: Tensor,
    reference_point: Tensor,
    reward_scale: float,
    good_weight: float = 1.0,
    bad_weight: float = 1.0,
) -> Tensor:
    """Return w+ (1 - sigmoid(b (log r - z0))) for good texts, w- (1 - sigmoid(b (z0 - log r))) for bad ones, [texts].

    Args:
        log_ratio: log r(y), [texts].
        good: Whether a text is good, bool [texts].
        reference_point: z0, no gradient, scalar.
        reward_scale: b.
        good_weight: w+, the paper's lambda_D.
        bad_weight: w-, the paper's lambda_U.
    """
    gain = reward_scale * (log_ratio - reference_point)
    return torch.where(good, good_weight * torch.sigmoid(-gain), bad_weight * torch.sigmoid(gain))


def redi(chosen: Tensor, rejected: Tensor, negative_weight: float) -> Tensor:
    """Return -s(y+) + alpha s(y-), [pairs], from mean log-probabilities. It has no lower bound."""
    return -chosen + negative_weight * rejected


def npo(log_ratio: Tensor, reward_scale: float) -> Tensor:
    """Return -(2 / b) log sigmoid(-b log r(y-)), [texts]: gradient ascent that slows down as it succeeds."""
    return -2 / reward_scale * F.logsigmoid(-reward_scale * log_ratio)


def score_distance(reward: Tensor, score: Tensor, cross_entropy: bool = False) -> Tensor:
    """Return (sigmoid(reward) - u)^2, or the cross-entropy of u and sigmoid(reward), [texts].

    Args:
        reward: b log r(y), [texts].
        score: u, how good a text is, in [0, 1], [texts].
        cross_entropy: Which of the two.
    """
    if cross_entropy:
        return F.binary_cross_entropy_with_logits(reward, score, reduction="none")
    return (torch.sigmoid(reward) - score).square()


def group_alignment(
    mean: Tensor, good: Tensor, groups: Tensor, count: int, constraint: str = "none", margin: float = 0.0
) -> Tensor:
    """Return log(1 + sum over good p and bad n of a group of exp(s_n - s_p)), [groups]; 0 for one-sided groups.

    The double sum is a product of two sums, so the loss is softplus(logsumexp of s_n + logsumexp of -s_p). Constraints
    keep bad texts from being pushed down for ever: "detached" takes s_n as a constant, "boundary" adds
    exp(2 B - s_n - s_p) to every term, which then is smallest at s_n = B = (lowest s_p of the group) - margin, a
    constant.

    Args:
        mean: s, [texts].
        good: Whether a text is good, bool [texts].
        groups: The group of each text, int64 [texts], in [0, count).
        count: Number of groups.
        constraint: "none", "detached" or "boundary".
        margin: How far below the worst good text the boundary lies, in nats a token.
    """
    member = groups == torch.arange(count, device=groups.device)[:, None]  # [groups, texts]
    goods, bads = member & good, member & ~good
    pushed = mean.detach() if constraint == "detached" else mean
    if constraint == "boundary":
        lowest = mean.detach().masked_fill(~goods, torch.inf).amin(1) - margin  # [groups]; inf where there is no good
        bound = torch.where(goods.any(1), lowest, 0.0)[groups]  # [texts]
        pushed = torch.logaddexp(pushed, 2 * bound - pushed)
    bad = pushed.expand(count, -1).masked_fill(~bads, NEVER).logsumexp(1)
    right = (-mean).expand(count, -1).masked_fill(~goods, NEVER).logsumexp(1)
    return F.softplus(bad + right)
