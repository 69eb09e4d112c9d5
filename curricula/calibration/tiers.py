"""Tiers: a few steps of difficulty, by cut-offs or by equal shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions, Scores
from curricula.calibration.base import Calibration
from lessons.errors import ConfigError

__all__ = ["Cutoffs", "EqualTiers", "tier_ends"]


class Cutoffs(Calibration):
    """The number of cut-offs below a value: tier 0 holds the values up to the first, the last tier those above all.

    [0.66, 0.8] gives the three tiers of the human-inspired orders: up to 0.66, up to 0.80, above.

    Args:
        cutoffs: Rising numbers, at least one.
    """

    unit = "tier"

    def __init__(self, cutoffs: list[float]) -> None:
        self.cutoffs = cutoffs

    def calibrate(self, values: Scores) -> Scores:
        """Count the cut-offs below.

        >>> Cutoffs([0.66, 0.8]).calibrate(np.array([0.66, 0.7, 0.9])).tolist()
        [0.0, 1.0, 2.0]
        """
        edges = np.asarray(self.cutoffs, np.float64)
        if not len(edges) or np.isnan(edges).any() or (np.diff(edges) <= 0).any():
            raise ConfigError(
                f"Cutoffs got {self.cutoffs}; at least one number is needed, and each must be above the one before. "
                "Correct `cutoffs`."
            )
        return np.searchsorted(edges, values, side="left").astype(np.float64)


class EqualTiers(Calibration):
    """Tiers about equal in size, equal values in one tier; fewer where there are fewer different values.

    Args:
        tiers: Number of tiers, at least 1.
    """

    unit = "tier"

    def __init__(self, tiers: int = 3) -> None:
        self.tiers = tiers

    def calibrate(self, values: Scores) -> Scores:
        """Cut the sorted values."""
        if self.tiers < 1:
            raise ConfigError(f"EqualTiers got tiers={self.tiers}; at least 1 is needed. Correct `tiers`.")
        distinct, counts = np.unique(values, return_counts=True)
        bounds = distinct[tier_ends(counts, self.tiers)[:-1] - 1]
        return np.searchsorted(bounds, values, side="left").astype(np.float64)


def tier_ends(counts: npt.NDArray[np.int64], tiers: int) -> Positions:
    """Cut a row of counts into consecutive parts of about equal sums; return where each part ends (exclusive).

    There are `tiers` parts, or one per count if those are fewer; none is empty.

    >>> tier_ends(np.array([80, 10, 5, 5]), 3).tolist()
    [1, 2, 4]
    """
    tiers = min(tiers, len(counts))
    sums = np.cumsum(counts)
    ends: list[int] = []
    for tier in range(1, tiers):
        least, most = (ends[-1] if ends else 0) + 1, len(counts) - (tiers - tier)
        goal = sums[-1] * tier / tiers
        after = int(np.clip(np.searchsorted(sums, goal) + 1, least, most))
        before = max(after - 1, least)
        closer = abs(sums[before - 1] - goal) < abs(sums[after - 1] - goal)
        ends.append(before if closer else after)
    return np.array([*ends, len(counts)], np.int64)
