"""One key after another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curricula.combination.base import side_by_side
from curricula.ranks import average_ranks
from curricula.signals.base import Column, NamedSignal, Signal
from lessons.lesson_set import LessonSet

__all__ = ["Lexicographic"]


class Lexicographic(NamedSignal):
    """The rank by a first signal, among its equals by a second, and so on; all equal share their mean rank.

    A lesson that misses one of the signals misses the rank.

    Args:
        signals: The signals, the most important first.
        called: Name of the column.
    """

    def __init__(self, signals: Sequence[Signal], called: str = "lexicographic") -> None:
        super().__init__(called)
        self.signals = signals

    def compute(self, lessons: LessonSet) -> Column:
        """Sort."""
        values, source = side_by_side(self, self.signals, lessons)
        known = ~np.isnan(values).any(axis=1)
        rows = values[known]
        order = np.lexsort(rows.T[::-1])
        steps = (rows[order][1:] != rows[order][:-1]).any(axis=1)
        distinct = np.empty(len(rows))
        distinct[order] = np.r_[0, np.cumsum(steps)] if len(rows) else []
        result = np.full(len(values), np.nan)
        result[known] = average_ranks(distinct)
        return Column(result, "rank", source)
