"""What a student's own tries at the questions show: pass rate, spread, distinct answers."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

import numpy as np
import pyarrow as pa

from curricula.description import describe
from curricula.signals import Column, Signal
from curricula.signals.tried import tried
from curricula.signals.tries import TryStatistic, statistic_of
from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.lesson_set import LessonSet
from lessons.records import Prompt
from lessons.rows import ATTEMPT_SCHEMA, attempt_to_row
from students.decoding import Generation
from students.exam import sit
from students.renderings import Rendering
from students.student import Student

__all__ = ["RollOuts"]

REMEMBERED = 4
made: OrderedDict[str, pa.Table] = OrderedDict()
"""The last attempts made in this process: several statistics of the same tries cost one generation."""


class RollOuts(Signal):
    """A statistic of a student's tries at each question, made when the plan is made.

    The same tries serve all signals with the same student, grader, generation and samples in one plan.

    Args:
        student: Who tries.
        grader: Who marks.
        statistic: As in `curricula.signals.Tries`; "failure_rate" is larger for harder questions.
        samples: Tries a question.
        generation: How answers are generated; more than one sample needs a temperature above 0. None: temperature 1.
        rendering: The rendering the student was trained with, which says how questions are put; None as they are.
        ddof: As in `curricula.signals.Tries`.
        small_sample: As in `curricula.signals.Tries`.
        column: Name of the column; None for the statistic's.
    """

    def __init__(
        self,
        student: Student,
        grader: Grader,
        statistic: TryStatistic = "failure_rate",
        samples: int = 4,
        generation: Generation | None = None,
        rendering: Rendering | None = None,
        ddof: int = 0,
        small_sample: bool = False,
        column: str | None = None,
    ) -> None:
        self.student = student
        self.grader = grader
        self.statistic = statistic
        self.samples = samples
        self.generation = generation
        self.rendering = rendering
        self.ddof = ddof
        self.small_sample = small_sample
        self.column = column

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column or self.statistic

    def compute(self, lessons: LessonSet) -> Column:
        """Let the student try every question, unless it did for another signal, and take the statistic.

        Raises:
            ConfigError: Several samples of greedy answers, which would all be the same.
        """
        generation = self.generation or Generation(temperature=1.0)
        if self.samples < 1 or (self.samples > 1 and generation.temperature == 0):
            raise ConfigError(
                f"RollOuts got samples={self.samples} at temperature {generation.temperature:g}; allowed are several "
                "samples at a temperature above 0, or one. Set generation.temperature."
            )
        table = self.attempts(lessons, generation)
        values = statistic_of(tried(table, lessons, "this plan"), self.statistic, self.ddof, self.small_sample)
        return Column(values, provenance={"student": self.student.weights.name, **self.maker(lessons, generation)})

    def attempts(self, lessons: LessonSet, generation: Generation) -> pa.Table:
        """Return the tries at all questions, made now or before."""
        key = json.dumps(self.maker(lessons, generation), sort_keys=True, default=str)
        if key not in made:
            attempts = sit(
                self.student, questions(lessons), self.grader, generation, self.rendering, samples=self.samples
            )
            made[key] = pa.Table.from_pylist([attempt_to_row(a) for a in attempts], ATTEMPT_SCHEMA)
            while len(made) > REMEMBERED:
                made.popitem(last=False)
        return made[key]

    def maker(self, lessons: LessonSet, generation: Generation) -> dict[str, Any]:
        """Say what decides the tries."""
        return {
            "fingerprint": self.student.fingerprint,
            "grader": self.grader.name,
            "samples": self.samples,
            "generation": describe(generation),
            "rendering": None if self.rendering is None else describe(self.rendering),
            "lessons": lessons.fingerprint,
        }


def questions(lessons: LessonSet) -> list[Prompt]:
    """Return the prompts of the lessons, each once, in their order."""
    _, first = np.unique(lessons.prompt_rows, return_index=True)
    return [lesson.prompt for lesson in lessons.at(np.sort(first))]
