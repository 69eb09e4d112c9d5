"""Strengths from comparisons of pairs: the Bradley-Terry model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["strengths"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


def strengths(
    items: int,
    winners: npt.ArrayLike,
    losers: npt.ArrayLike,
    prior: float = 0.5,
    tolerance: float = 1e-8,
    most_rounds: int = 10_000,
) -> Floats:
    """Return the log-strength of every item: the larger, the more it wins; 0 is the average opponent.

    Bradley-Terry: P(i beats j) = pi_i / (pi_i + pi_j), with pi = exp(log-strength). Fitted by the minorisation-
    maximisation of Hunter 2004 ("MM algorithms for generalized Bradley-Terry models", Annals of Statistics 32):

        pi_i <- W_i / sum_j N_ij / (pi_i + pi_j)

    W_i: the wins of i; N_ij: how often i and j were compared. Every item has besides `prior` wins and as many losses
    against one opponent of strength 1 (our addition): so items that win or lose always stay finite, groups that were
    never compared with each other share a scale, and the maximum is unique.

    >>> strengths(2, [0], [1], prior=0.6).round(6).tolist()  # log 2: see the test for the sum by hand
    [0.693147, -0.693147]

    Args:
        items: How many items there are, numbered from 0.
        winners: The winner of each comparison, [comparisons].
        losers: The loser of each comparison, [comparisons].
        prior: Wins and losses against the average opponent; above 0.
        tolerance: Stop when no log-strength changes by more.
        most_rounds: Stop after so many rounds at the latest.

    Returns:
        The log-strengths, [items].
    """
    won, lost = np.asarray(winners, np.int64), np.asarray(losers, np.int64)
    wins = np.bincount(won, minlength=items) + prior
    pi = np.ones(items)
    for _ in range(most_rounds):
        share = 1.0 / (pi[won] + pi[lost])
        met = np.bincount(won, share, items) + np.bincount(lost, share, items) + 2 * prior / (pi + 1.0)
        new = wins / met
        change = np.abs(np.log(new / pi)).max(initial=0.0)
        pi = new
        if change <= tolerance:
            break
    result: Floats = np.log(pi)
    return result
