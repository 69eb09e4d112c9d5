"""What every calibration is: a signal's values on another scale."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from curricula.arrays import Scores
from curricula.groups import Groups
from curricula.signals.base import Column, NamedSignal, Signal
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["Calibrated", "Calibration"]


class Calibration(ABC):
    """Puts values on another scale. Missing values stay missing, and a larger value never gets a smaller result."""

    unit: str = ""
    """What the results count."""

    @abstractmethod
    def calibrate(self, values: Scores) -> Scores:
        """Return the values on the new scale, float64 [n].

        Args:
            values: At least one finite number; none is NaN or infinite.
        """

    def __call__(self, values: Scores) -> Scores:
        """Calibrate the values there are; the missing stay missing.

        Raises:
            DataError: There is no value at all.
        """
        known = ~np.isnan(values)
        if not known.any():
            raise DataError(
                f"{type(self).__name__} found no value among {len(values)} lessons; at least one is needed to set a "
                "scale. Calibrate another signal, or compute this one where it has values."
            )
        result = np.full(len(values), np.nan)
        result[known] = self.calibrate(values[known])
        return result


class Calibrated(NamedSignal):
    """A signal on another scale, over all lessons or inside each group.

    Args:
        signal: The signal.
        calibration: The scale.
        called: Name of the column.
        within: A signal of categories (or of few different numbers); each is then calibrated by itself.
    """

    def __init__(self, signal: Signal, calibration: Calibration, called: str, within: Signal | None = None) -> None:
        super().__init__(called)
        self.signal = signal
        self.calibration = calibration
        self.within = within

    def compute(self, lessons: LessonSet) -> Column:
        """Calibrate; a lesson without a value goes on without one."""
        column = self.signal.measure(lessons)
        if column.labels:
            raise ConfigError(
                f"{self.signal.name!r} names categories ({', '.join(column.labels[:3])} ...), which have no scale; "
                "only numbers can be calibrated. Give Calibrated a signal of numbers."
            )
        if self.within is None:
            values = self.calibration(column.values)
        else:
            values = np.full(len(lessons), np.nan)
            groups = Groups.of(self.within.name, self.within.measure(lessons))
            for group in range(len(groups)):
                members = groups.members(group)
                if not np.isnan(column.values[members]).all():  # a group without values stays without
                    values[members] = self.calibration(column.values[members])
        return Column(values, self.calibration.unit, {"from": column.provenance})
