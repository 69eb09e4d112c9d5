"""Tiers of rising difficulty, shuffled inside."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.calibration.tiers import tier_ends
from curricula.orderings.base import Missing, Ordering, fill_missing, sort_seeded
from lessons.errors import ConfigError

__all__ = ["Tiers"]


class Tiers(Ordering):
    """A few tiers from easy to hard, each in random order, another one in every pass.

    The tiers are as equal in size as they can be while equal scores share a tier. There are as many as asked for, or as
    many as there are different scores if those are fewer.

    Args:
        tiers: Number of tiers, at least 1.
        missing: The tier of lessons without a score: "first", "last", or "error" to refuse them.
    """

    def __init__(self, tiers: int = 3, missing: Missing = "error") -> None:
        self.tiers = tiers
        self.missing = missing

    def order(self, scores: Scores, generator: np.random.Generator) -> Positions:
        """Sort by tier."""
        return sort_seeded(self.tiers_of(scores), generator)

    def tiers_of(self, scores: Scores) -> Positions:
        """Return the 0-based tier of each lesson, int64 [n]."""
        if self.tiers < 1:
            raise ConfigError(f"tiers={self.tiers}: at least 1 is needed. Correct the setting of Tiers.")
        filled = fill_missing(scores, self.missing)
        known = np.isfinite(filled)
        distinct, counts = np.unique(filled[known], return_counts=True)
        bounds = distinct[tier_ends(counts, self.tiers)[:-1] - 1]  # the highest score of every tier but the last
        return np.searchsorted(bounds, filled, side="left").astype(np.int64)
