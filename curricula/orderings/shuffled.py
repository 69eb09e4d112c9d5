"""The control of every curriculum: random order."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.orderings.base import Ordering

__all__ = ["Shuffled"]


class Shuffled(Ordering):
    """Random order, another one in every pass. The control that every curriculum must beat."""

    needs_scores = False

    def order(self, scores: Scores, generator: np.random.Generator) -> Positions:
        """Return a random permutation; the scores, missing ones too, play no part."""
        return generator.permutation(len(scores))
