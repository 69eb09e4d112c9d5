"""What training follows: the plan in a curriculum's folder, or, without one, every lesson once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curricula import read_signals
from curricula.arrays import Positions, Scores
from curricula.batch_ramp import BatchRamp
from curricula.curriculum import Curriculum
from curricula.from_rule import lessons_of, timetable_of
from curricula.signal_table import SignalTable
from curricula.timetable import Planned, Timetable
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["TrainingPlan", "grown"]


@dataclass(frozen=True)
class TrainingPlan:
    """A curriculum and the signals beside it."""

    folder: str | None
    """Where it was read from; None where every lesson is trained once, in the order of the file."""
    curriculum: Curriculum | None
    """The plan; None without a folder."""
    signals: SignalTable | None
    """The lessons' signals; None where none lie beside the plan."""

    @classmethod
    def read(cls, folder: str | None) -> TrainingPlan:
        """Read a plan's folder."""
        if folder is None:
            return cls(None, None, None)
        signals = Path(folder) / "signals.parquet"
        return cls(folder, Curriculum.read(folder), read_signals(signals) if signals.exists() else None)

    def draws_from(self, lessons: LessonSet) -> Positions:
        """Return the lessons that may come up in training, as rising positions in `lessons`."""
        if self.curriculum is None:
            return np.arange(len(lessons))
        return lessons_of(self.curriculum, lessons, self.signals)

    def timetable(
        self, lessons: LessonSet, usable: npt.NDArray[np.bool_], lessons_per_update: int, delay: int = 0
    ) -> Timetable:
        """Return which lessons come at which update; those that are not usable are left out.

        Args:
            lessons: The lessons.
            usable: Whether each of them can be trained on, [lessons].
            lessons_per_update: Lessons of one update.
            delay: Updates between the hearing of the student and the first draw that heeds it.
        """
        if self.curriculum is not None:
            return timetable_of(self.curriculum, lessons, self.signals, lessons_per_update, usable, delay)
        positions = np.flatnonzero(usable)
        stages = np.zeros(len(positions), np.int32)
        return Planned(positions, np.ones(len(positions)), stages, lessons_per_update)

    def rule(self, timetable: Timetable) -> str:
        """Return what tells a plan that hears the student from others; one that does not is told by its entries."""
        if self.curriculum is None or not timetable.hears:
            return ""
        return json.dumps([self.curriculum.rule, self.curriculum.seed], sort_keys=True)

    def signal(self, name: str) -> Scores:
        """Return a signal of the plan, one value per lesson of the set, float64 [lessons].

        Raises:
            DataError: The plan has no signals beside it, or none of this name.
        """
        if self.signals is None:
            raise DataError(
                f"The signal {name!r} was asked for, but no signals.parquet lies in {self.folder or 'a plan'}. It "
                "must lie beside curriculum.parquet. Plan again, or copy the file there, and give the folder as "
                "data.curriculum."
            )
        return self.signals.scores(name)


def grown(timetable: Timetable, ramp: BatchRamp, lessons_per_update: int, pieces: int) -> Timetable:
    """Return a timetable whose updates grow along a ramp.

    Args:
        timetable: Which lessons come at which update.
        ramp: How many lessons the updates have.
        lessons_per_update: The number that they grow to.
        pieces: Micro-batches of one update over all processes.

    Raises:
        ConfigError: The plan hears the student, or the first update has fewer lessons than micro-batches.
    """
    if not isinstance(timetable, Planned) or ramp.first < pieces:
        raise ConfigError(
            f"data.ramp starts with {ramp.first} lessons an update; allowed is a written plan (this is "
            f"{type(timetable).__name__}) and at least one lesson for each of the {pieces} micro-batches over all "
            "processes. Raise data.ramp.first, or leave the ramp out."
        )
    return replace(timetable, bounds=ramp.bounds(len(timetable.positions), lessons_per_update))
