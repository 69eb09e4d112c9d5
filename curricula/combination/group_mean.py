"""What a group has on average, for each of its lessons."""

from __future__ import annotations

import numpy as np

from curricula.combination.base import numbers
from curricula.signals.base import Column, NamedSignal, Signal
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["GroupMean"]


class GroupMean(NamedSignal):
    """The mean of a signal over the lessons of the same group; lessons without a value of their own get it as well.

    The failure rate of a kind of question, as a weight to draw by (`WeightedDraw`) or to select by, raises the kinds at
    which a student fails: after curriculum data sets for code completion (2024, arXiv:2412.16589 unchecked), which add
    what small models fail at most. The mean loss of each teacher's texts tells whose style is nearest to the student
    (after the choice of a way to write responses, 2025, arXiv:2502.11779 unchecked).

    Args:
        signal: The signal.
        group: A signal of groups.
        called: Name of the column.
    """

    def __init__(self, signal: Signal, group: Signal, called: str = "group_mean") -> None:
        super().__init__(called)
        self.signal = signal
        self.group = group

    def compute(self, lessons: LessonSet) -> Column:
        """Average by group; a lesson without a group, or in a group without values, misses the mean.

        Raises:
            ConfigError: The groups are no categories.
        """
        values, column = numbers(self, self.signal, lessons), self.group.measure(lessons)
        if not column.labels:
            raise ConfigError(
                f"GroupMean got {self.group.name!r} for its groups, a signal of numbers; needed is one that names "
                "categories, such as curricula.Category or curricula.Clusters. Give one of these."
            )
        codes, grouped = column.values, ~np.isnan(column.values)
        known = grouped & ~np.isnan(values)
        mine = codes[known].astype(np.int64)
        sums, counts = (np.bincount(mine, weights, len(column.labels)) for weights in (values[known], None))
        means = np.divide(sums, counts, out=np.full(len(column.labels), np.nan), where=counts > 0)
        found = np.full(len(values), np.nan)
        found[grouped] = means[codes[grouped].astype(np.int64)]
        return Column(found, provenance={"from": self.signal.name, "groups": self.group.name})
