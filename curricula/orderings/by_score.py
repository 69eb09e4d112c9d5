"""Sorted orders: easy first and hard first."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.orderings.base import Missing, Ordering, fill_missing, sort_seeded

__all__ = ["EasyFirst", "HardFirst"]

OPPOSITE: dict[Missing, Missing] = {"error": "error", "first": "last", "last": "first"}


class EasyFirst(Ordering):
    """Lowest scores first; equal scores in random order, another one in every pass.

    Args:
        missing: Where lessons without a score go: "first", "last", or "error" to refuse them.
    """

    def __init__(self, missing: Missing = "error") -> None:
        self.missing = missing

    def order(self, scores: Scores, generator: np.random.Generator) -> Positions:
        """Sort upwards."""
        return sort_seeded(fill_missing(scores, self.missing), generator)


class HardFirst(Ordering):
    """Highest scores first; equal scores in random order, another one in every pass.

    Args:
        missing: Where lessons without a score go: "first", "last", or "error" to refuse them.
    """

    def __init__(self, missing: Missing = "error") -> None:
        self.missing = missing

    def order(self, scores: Scores, generator: np.random.Generator) -> Positions:
        """Sort downwards."""
        # an unknown setting passes through, so that fill_missing refuses it by the name the user gave
        return sort_seeded(-fill_missing(scores, OPPOSITE.get(self.missing, self.missing)), generator)
