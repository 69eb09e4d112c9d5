"""A band of one signal."""

from __future__ import annotations

import numpy as np

from curricula.pool import Pool
from curricula.selection.base import KEPT, Selection, Selector, known_scores
from lessons.errors import ConfigError

__all__ = ["Band"]


class Band(Selector):
    """Keeps the lessons whose value lies between two bounds, both included.

    Args:
        by: Name of the signal.
        low: Lowest value kept; None for no lower bound.
        high: Highest value kept; None for no upper bound.
        keep_missing: Keep lessons without a value.
    """

    def __init__(
        self, by: str, low: float | None = None, high: float | None = None, keep_missing: bool = False
    ) -> None:
        self.by = by
        self.low = low
        self.high = high
        self.keep_missing = keep_missing

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Compare."""
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        if not low <= high:
            raise ConfigError(
                f"Band of {self.by!r} goes from low={self.low} to high={self.high}; low must not be above high. "
                "Exchange the two."
            )
        values = pool.values(self.by)
        known = known_scores(values, self.by)
        reason = np.full(len(pool), KEPT, np.int16)
        reason[known & (values < low)] = 0
        reason[known & (values > high)] = 1
        if not self.keep_missing:
            reason[~known] = 2
        return Selection(
            reason,
            (f"{self.by} below {low:g}", f"{self.by} above {high:g}", f"no value of {self.by}"),
        )
