"""What every signal of a student shares: exercises of the lessons, scored in one pass."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from curricula.arrays import Scores
from curricula.signals import Column, Signal
from lessons.errors import DataError, RenderingError
from lessons.lesson_set import LessonSet
from students.renderings import Exercise, Rendering
from students.scoring import Likelihoods, Pair, Scoring, score
from students.student import Student

__all__ = ["PairsOf", "StudentSignal", "per_lesson", "scored"]

Owners = npt.NDArray[np.int64]
PairsOf = Callable[[Exercise], list[Pair]]


class StudentSignal(Signal):
    """One number per lesson, by a student's forward passes over what the lesson teaches.

    A lesson that lacks what the rendering needs misses the value, and so does one longer than the model allows.

    Args:
        student: Who scores.
        rendering: What a lesson asks and teaches: its exercises are scored.
        column: Name of the column.
        scoring: Sizes of the batches.
    """

    def __init__(self, student: Student, rendering: Rendering, column: str, scoring: Scoring | None = None) -> None:
        self.student = student
        self.rendering = rendering
        self.column = column
        self.scoring = scoring

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column

    def compute(self, lessons: LessonSet) -> Column:
        """Score all lessons."""
        return Column(self.values(lessons), self.unit, self.authors())

    @property
    def unit(self) -> str:
        """What the numbers count."""
        return ""

    @abstractmethod
    def values(self, lessons: LessonSet) -> Scores:
        """Return one number per lesson, float64 [lessons]; NaN where there is none."""

    def authors(self) -> dict[str, Any]:
        """Say which model scored, for the provenance."""
        return {"student": self.student.weights.name, "fingerprint": self.student.fingerprint}


def scored(
    student: Student, rendering: Rendering, lessons: LessonSet, scoring: Scoring | None, pairs_of: PairsOf
) -> tuple[Likelihoods, Owners]:
    """Score the pairs of all lessons' exercises; return the likelihoods and the lesson of each pair.

    Raises:
        DataError: No lesson has what the rendering needs.
    """
    owners: list[int] = []
    first_problem = ""

    def pairs() -> Iterator[Pair]:
        nonlocal first_problem
        for number, lesson in enumerate(lessons):
            try:
                found = rendering.exercises(lesson)
            except RenderingError as error:
                first_problem = first_problem or f"{lesson.id!r}: {error}"
                continue
            for exercise in found:
                for pair in pairs_of(exercise):
                    owners.append(number)
                    yield pair

    likelihoods = score(student, pairs(), scoring)
    if not owners:
        raise DataError(
            f"None of the {len(lessons)} lessons has what {type(rendering).__name__} teaches, so nothing can be "
            f"scored. The first, {first_problem} Score with a rendering that fits these lessons."
        )
    return likelihoods, np.array(owners, np.int64)


def per_lesson(values: Scores | Owners, owners: Owners, lessons: int) -> Scores:
    """Add up values by lesson; a lesson without any, or with one missing, is NaN. float64 [lessons]."""
    counts = np.bincount(owners, minlength=lessons)
    sums = np.bincount(owners, weights=values, minlength=lessons)
    return np.where(counts > 0, sums, np.nan)
