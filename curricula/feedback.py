"""What the running student tells its plan."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.groups import Groups
from lessons.errors import ConfigError, DataError

__all__ = ["Feedback", "Measured"]


class Measured(NamedTuple):
    """One figure of the lessons that were measured."""

    places: Positions
    """Places in the pool, int64 [measured]."""
    values: Scores
    """Their figures, none of them NaN, float64 [measured]."""


@dataclass(frozen=True, eq=False)
class Feedback:
    """Figures measured on the student after an update, the same on every rank.

    Whoever measures reduces over all ranks first; a plan that heard different figures on two ranks would fall apart.
    """

    update: int
    """How many updates had been made when this was measured."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Figures of the whole student: "loss", "accuracy", "gradient_norm" ..."""
    groups: dict[str, dict[str, float]] = field(default_factory=dict)
    """Figures by group: name of the figure, then name of the group, such as groups["loss"]["algebra"]."""
    places: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    """Lessons with figures of their own, as places in the pool, int64 [measured]."""
    lessons: dict[str, Scores] = field(default_factory=dict)
    """Their figures: name, then one value for each of `places`, float64 [measured]; NaN where it was not measured."""
    progress: float = 0.0
    """Updates made, divided by all of the run's, in [0, 1]. The timetable fills it in: whoever measures need not."""

    def __post_init__(self) -> None:
        for name, values in self.lessons.items():
            if len(values) != len(self.places):
                raise DataError(
                    f"The feedback of update {self.update} names {len(self.places)} lessons and has {len(values)} "
                    f"values of {name!r}; each lesson needs one. Measure both on the same lessons."
                )

    def by_lesson(self, name: str) -> Measured:
        """Return a figure of single lessons, without those that were not measured.

        Raises:
            ConfigError: It was measured of none.
        """
        if name not in self.lessons:
            raise ConfigError(
                f"The plan listens for {name!r} by lesson, which the feedback of update {self.update} does not hold; "
                f"it has: {', '.join(self.lessons) or 'none'}. Let the trainer measure it, or name another figure."
            )
        values = self.lessons[name]
        known = ~np.isnan(values)
        return Measured(self.places[known], values[known])

    def metric(self, name: str) -> float:
        """Return a figure of the whole student.

        Raises:
            ConfigError: It was not measured.
            DataError: It is not a number: a plan that heeded it would draw nonsense from then on.
        """
        if name not in self.metrics:
            raise ConfigError(
                f"The plan listens for {name!r}, which the feedback of update {self.update} does not hold; it has: "
                f"{', '.join(self.metrics) or 'none'}. Let the trainer measure it, or name another figure."
            )
        if math.isnan(self.metrics[name]):
            raise DataError(
                f"The feedback of update {self.update} gives {name!r} as nan, and the plan listens for it; a number is "
                "needed. The student has probably diverged: look at its loss, lower the learning rate, and go on from "
                "an earlier checkpoint."
            )
        return self.metrics[name]

    def by_group(self, name: str, groups: Groups) -> Scores:
        """Return a figure of every group, float64 [groups]; NaN for a group that was not measured.

        Without the figure by group, it is the mean over the group's measured lessons.

        Raises:
            ConfigError: It was not measured at all, or a group is unknown.
        """
        if name in self.groups:
            known = groups.vector(self.groups[name], f"the feedback's {name!r}", default=0.0)
            measured = [label in self.groups[name] for label in groups.labels]
            return np.where(measured, known, np.nan)
        if name not in self.lessons:
            raise ConfigError(
                f"The plan listens for {name!r} by group, which the feedback of update {self.update} does not hold; it "
                f"has by group: {', '.join(self.groups) or 'none'}; by lesson: {', '.join(self.lessons) or 'none'}. "
                "Let the trainer measure it, or name another figure."
            )
        places, values = self.by_lesson(name)
        codes = groups.codes[places]
        sums = np.bincount(codes, values, len(groups))
        counts = np.bincount(codes, minlength=len(groups))
        means: Scores = np.divide(sums, counts, out=np.full(len(groups), np.nan), where=counts > 0)
        return means
