"""What every signal is: one number per lesson, with its provenance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from curricula.arrays import Scores
from curricula.description import describe
from lessons.errors import DataError
from lessons.lesson_set import LessonSet

__all__ = ["Column", "NamedSignal", "Signal"]


@dataclass(frozen=True)
class Column:
    """One number per lesson, and where the numbers come from.

    Raises:
        DataError: The values are not one finite number (or NaN) per lesson.
    """

    values: Scores
    """float64 [lessons]; NaN where a lesson has no value. Never infinite."""
    unit: str = ""
    """What the numbers count ("characters"), for axes and tables; empty for a plain score."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Who computed it from what: JSON values only. `Signal.measure` fills in the signal, its version and settings."""
    labels: tuple[str, ...] = ()
    """For a column of categories: the name of each category; the values are then indices into it. Else empty."""

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.values.dtype != np.float64:
            raise DataError(
                f"A signal's values are {self.values.dtype} of shape {list(self.values.shape)}; "
                "they must be float64, one per lesson. Convert them with numpy.asarray(values, numpy.float64)."
            )
        infinite = np.flatnonzero(np.isinf(self.values))
        if len(infinite):
            raise DataError(
                f"A signal has {len(infinite)} infinite values, the first at row {infinite[0]}; finite numbers are "
                "allowed, and NaN where there is none. Leave the value missing instead."
            )
        known = self.values[~np.isnan(self.values)] if self.labels else np.empty(0)
        strange = known[(known % 1 != 0) | (known < 0) | (known >= len(self.labels))]
        if len(strange):
            raise DataError(
                f"A column of {len(self.labels)} categories holds the value {strange[0]:g}; its values must be indices "
                f"from 0 to {len(self.labels) - 1}, or NaN. Give codes, not the categories themselves."
            )

    @property
    def missing(self) -> int:
        """How many lessons have no value."""
        return int(np.isnan(self.values).sum())


class Signal(ABC):
    """Computes one number per lesson: a difficulty, a length, a loss ... Larger is harder, longer, more.

    A signal may also name categories: then the numbers are codes, and `Column.labels` says what they mean.
    """

    version: int = 1
    """Raised whenever the same lessons could get other numbers; part of the provenance."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the column, unique within a plan; `order_by` refers to it."""

    @abstractmethod
    def compute(self, lessons: LessonSet) -> Column:
        """Compute the column from whole columns of the lessons. Missing values are NaN, never a guess.

        Raises:
            DataError: The lessons do not hold what the signal reads.
        """

    def measure(self, lessons: LessonSet) -> Column:
        """Compute the column, check its length and stamp it with this signal's class, settings and version."""
        computed = self.compute(lessons)
        if len(computed.values) != len(lessons):
            raise DataError(
                f"The signal {self.name!r} gave {len(computed.values)} values for {len(lessons)} lessons; it must give "
                f"one per lesson, in their order. Correct {type(self).__name__}.compute."
            )
        stamp = {"signal": describe(self), "version": self.version}
        return Column(computed.values, computed.unit, {**stamp, **computed.provenance}, computed.labels)


class NamedSignal(Signal):
    """A signal whose column is called as it is told.

    Args:
        called: Name of the column.
    """

    def __init__(self, called: str) -> None:
        self.called = called

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.called
