"""Several numbers of a lesson made one: sums, products, extremes, spreads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from curricula.combination.base import side_by_side
from curricula.signals.base import Column, NamedSignal, Signal
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["Disagreement", "Extreme", "Product", "Weighted"]


class Weighted(NamedSignal):
    """A weighted sum of signals. A lesson that misses one of them misses the sum.

    Signals of different scales are put on one first, with Calibrated.

    Args:
        signals: The signals.
        weights: A factor for each, in the same order; None gives the mean.
        called: Name of the column.
    """

    def __init__(self, signals: Sequence[Signal], weights: Sequence[float] | None = None, called: str = "sum") -> None:
        super().__init__(called)
        self.signals = signals
        self.weights = weights

    def compute(self, lessons: LessonSet) -> Column:
        """Add up."""
        values, source = side_by_side(self, self.signals, lessons)
        count = len(self.signals)
        weights = np.full(count, 1 / count) if self.weights is None else np.asarray(self.weights, np.float64)
        if len(weights) != count:
            raise ConfigError(
                f"Weighted got {count} signals and {len(weights)} weights; each signal needs one. Correct `weights`."
            )
        return Column(values @ weights, provenance=source)


class Product(NamedSignal):
    """The product of signals. A lesson that misses one of them misses the product.

    Args:
        signals: The signals.
        called: Name of the column.
    """

    def __init__(self, signals: Sequence[Signal], called: str = "product") -> None:
        super().__init__(called)
        self.signals = signals

    def compute(self, lessons: LessonSet) -> Column:
        """Multiply."""
        values, source = side_by_side(self, self.signals, lessons)
        return Column(values.prod(axis=1), provenance=source)


class Extreme(NamedSignal):
    """The lowest or highest of several signals. A lesson that misses one of them misses the result.

    Args:
        signals: The signals.
        which: "highest" or "lowest".
        called: Name of the column.
    """

    def __init__(
        self, signals: Sequence[Signal], which: Literal["highest", "lowest"] = "highest", called: str = "extreme"
    ) -> None:
        super().__init__(called)
        self.signals = signals
        self.which = which

    def compute(self, lessons: LessonSet) -> Column:
        """Compare."""
        if self.which not in ("highest", "lowest"):
            raise ConfigError(f"Extreme got which={self.which!r}; allowed are 'highest' and 'lowest'. Correct `which`.")
        values, source = side_by_side(self, self.signals, lessons)
        return Column(values.max(axis=1) if self.which == "highest" else values.min(axis=1), provenance=source)


class Disagreement(NamedSignal):
    """The standard deviation of several scorers' values for a lesson: large where they do not agree.

    Args:
        signals: Signals on one scale, at least two.
        called: Name of the column.
    """

    def __init__(self, signals: Sequence[Signal], called: str = "disagreement") -> None:
        super().__init__(called)
        self.signals = signals

    def compute(self, lessons: LessonSet) -> Column:
        """Measure the spread of each lesson's values, over the scorers that gave one; missing where fewer than two."""
        values, source = side_by_side(self, self.signals, lessons)
        known = ~np.isnan(values)
        counts = known.sum(axis=1)
        means = np.divide(np.where(known, values, 0).sum(axis=1), counts, out=np.zeros(len(values)), where=counts > 0)
        squares = np.where(known, (values - means[:, None]) ** 2, 0).sum(axis=1)
        spread = np.divide(squares, counts, out=np.full(len(values), np.nan), where=counts > 1)
        return Column(np.sqrt(spread), provenance=source)
