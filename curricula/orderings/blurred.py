"""Any ordering, made soft: the trend stays, every batch holds a mixture."""

from __future__ import annotations

import math

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.orderings.base import Arrangement, Ordering
from curricula.pool import Pool
from lessons.errors import ConfigError

__all__ = ["Blurred"]


class Blurred(Ordering):
    """Another ordering with every lesson moved back by a random part of the pass.

    A strict order gives batches of one difficulty, and a small student then forgets by the end of a pass what it
    learnt at its start. Lesson number i of n gets the key i / n + width * u, u uniform in [0, 1), and the keys are
    sorted: with width 0 the order is unchanged; with 1 the middle of the pass mixes everything while its two ends
    still differ; as the width grows the order becomes random.

    Args:
        ordering: The ordering to soften.
        width: How far a lesson may move, in passes; 0 or more.
    """

    def __init__(self, ordering: Ordering, width: float = 1.0) -> None:
        self.ordering = ordering
        self.width = width

    @property
    def needs_scores(self) -> bool:  # type: ignore[override]
        """Whether the softened ordering needs scores."""
        return self.ordering.needs_scores

    def order(self, scores: Scores, generator: np.random.Generator) -> Positions:
        """Order with the inner ordering, then sort by the moved ranks.

        Raises:
            ConfigError: The width is negative or not a number.
        """
        return self.soften(self.ordering.order(scores, generator), generator)

    def arrange(self, pool: Pool, scores: Scores, generator: np.random.Generator) -> Arrangement:
        """Arrange with the inner ordering, then sort by the moved ranks; the stages melt into one."""
        order = self.soften(self.ordering.arrange(pool, scores, generator).order, generator)
        return Arrangement(order, np.zeros(len(order), np.int64))

    def soften(self, inner: Positions, generator: np.random.Generator) -> Positions:
        """Sort by the moved ranks."""
        if not (math.isfinite(self.width) and self.width >= 0):
            raise ConfigError(f"Blurred got width={self.width}; allowed are numbers from 0 up. Correct the ordering.")
        keys = np.arange(len(inner)) / max(len(inner), 1) + self.width * generator.random(len(inner))
        return inner[np.argsort(keys, kind="stable")]
