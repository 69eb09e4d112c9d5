"""Tiers: a few steps of difficulty, by cut-offs or by equal shares."""

from __future__ import annotations

import numpy as np

from curricula.calibration.base import Calibration
from curricula.orderings.tiers import tier_ends
from curricula.signals.base import Scores
from lessons.errors import ConfigError

__all__ = ["Cutoffs", "EqualTiers"]


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
