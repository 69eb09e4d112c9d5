"""Sharing out a number of places over groups that may be too small for their share."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Positions, Scores

__all__ = ["largest_remainders", "water_fill"]


def water_fill(sizes: Positions, weights: Scores, total: int) -> Positions:
    """Return how many of each group to take: in proportion to the weights, never more than there are, int64 [groups].

    The level rises evenly: what a short group cannot give is shared out among the others by their weights. The numbers
    add up to `total`, or to all that the groups with a weight above 0 have.

    >>> water_fill(np.array([2, 50, 50]), np.array([1.0, 1.0, 2.0]), 40).tolist()
    [2, 13, 25]
    """
    taken = np.zeros(len(sizes), np.int64)
    open_groups = (weights > 0) & (sizes > 0)
    left = min(total, int(sizes[open_groups].sum()))
    while left and open_groups.any():
        shares = np.where(open_groups, weights, 0.0)
        wanted = left * shares / shares.sum()
        short = open_groups & (wanted >= sizes)
        if not short.any():
            return taken + largest_remainders(wanted, sizes, left)
        taken[short] = sizes[short]
        left -= int(sizes[short].sum())
        open_groups &= ~short
    return taken


def largest_remainders(wanted: Scores, sizes: Positions, total: int) -> Positions:
    """Round numbers that add up to `total` to whole ones that do, none above its size; the first of equals gains.

    >>> largest_remainders(np.array([1.5, 1.25, 1.25]), np.array([9, 9, 9]), 4).tolist()
    [2, 1, 1]
    """
    whole = np.minimum(np.floor(wanted).astype(np.int64), sizes)
    room = whole < sizes
    order = np.argsort(-np.where(room, wanted - whole, -np.inf), kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole
