"""Ranks: how scores compare, ties shared."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Scores

__all__ = ["average_ranks", "rank_correlation"]


def average_ranks(values: Scores) -> Scores:
    """Return 1-based ranks, equal values sharing their mean rank.

    >>> average_ranks(np.array([0.3, 0.1, 0.3])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Scores = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def rank_correlation(left: Scores, right: Scores) -> float:
    """Return Spearman's rank correlation over the entries that have both values; NaN where it is not defined.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0]))
    1.0
    """
    both = ~(np.isnan(left) | np.isnan(right))
    if both.sum() < 2:
        return float("nan")
    a, b = (average_ranks(side[both]) for side in (left, right))
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / spread) if spread else float("nan")
