"""How near a value is to where learning is best."""

from __future__ import annotations

import numpy as np

from curricula.combination.base import numbers
from curricula.signals.base import Column, NamedSignal, Signal
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["Closeness"]


class Closeness(NamedSignal):
    """exp(-(s - centre)^2 / (2 width^2)): 1 at the centre, falling to both sides, as a weight to draw by.

    Around a pass rate of 0.5 it is the worth of a question to the student in Socratic-Zero (2025, arXiv:2509.24726; the
    width is our reading).

    Args:
        signal: The signal s.
        centre: Where the weight is highest.
        width: Standard deviation of the bell, above 0.
        called: Name of the column.
    """

    def __init__(self, signal: Signal, centre: float = 0.5, width: float = 0.2, called: str = "closeness") -> None:
        super().__init__(called)
        self.signal = signal
        self.centre = centre
        self.width = width

    def compute(self, lessons: LessonSet) -> Column:
        """Weigh; a lesson without a value stays without."""
        if not self.width > 0:
            raise ConfigError(f"Closeness got width={self.width}; allowed are numbers above 0. Correct `width`.")
        values = numbers(self, self.signal, lessons)
        return Column(
            np.exp(-((values - self.centre) ** 2) / (2 * self.width**2)), provenance={"from": self.signal.name}
        )
