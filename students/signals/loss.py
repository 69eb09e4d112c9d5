"""How hard a student finds what a lesson teaches: its loss, and how far its predictions are from the text."""

from __future__ import annotations

from typing import Literal

import numpy as np

from curricula.arrays import Scores
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from students.renderings import Exercise, Rendering
from students.scoring import Pair, Scoring
from students.signals.base import StudentSignal, per_lesson, scored
from students.student import Student

__all__ = ["ErrorNorm", "Loss"]


class Loss(StudentSignal):
    """Negative log-likelihood of what a lesson teaches, given what it asks: -sum_t log p(y_t | x, y_<t).

    Args:
        student: Who scores.
        rendering: What a lesson asks and teaches.
        form: "mean" in nats per token, "sum" in nats, "perplexity" = exp(mean), "confidence" = 1 / mean (the score
            of cyclical curriculum learning, Kesgin and Amasyali 2022, arXiv:2202.05531 unchecked).
        column: Name of the column.
        scoring: Sizes of the batches.
    """

    def __init__(
        self,
        student: Student,
        rendering: Rendering,
        form: Literal["mean", "sum", "perplexity", "confidence"] = "mean",
        column: str = "loss",
        scoring: Scoring | None = None,
    ) -> None:
        super().__init__(student, rendering, column, scoring)
        self.form = form

    @property
    def unit(self) -> str:
        """What the numbers count."""
        return {"mean": "nats per token", "sum": "nats"}.get(self.form, "")

    def values(self, lessons: LessonSet) -> Scores:
        """Return the measure of every lesson, over the tokens of all its exercises."""
        if self.form not in ("mean", "sum", "perplexity", "confidence"):
            raise ConfigError(
                f"Loss got form {self.form!r}; allowed are 'mean', 'sum', 'perplexity' and 'confidence'. "
                "Correct its setting."
            )
        found, owners = scored(self.student, self.rendering, lessons, self.scoring, asked)
        nll = per_lesson(found.nll, owners, len(lessons))
        if self.form == "sum":
            return nll
        mean = nll / per_lesson(found.tokens, owners, len(lessons))
        if self.form == "perplexity":
            return np.exp(mean)
        return 1 / mean if self.form == "confidence" else mean


class ErrorNorm(StudentSignal):
    """How far predictions are from the text: mean_t ||softmax_t - onehot(y_t)||_2, between 0 and sqrt(2).

    EL2N (Paul, Ganguli, Dziugaite 2021, arXiv:2107.07075 unchecked) with the mean over tokens for texts, as
    "NLU on data diets" (Attendu and Corbeil 2023, arXiv:2306.03208 unchecked) uses it; the mean is our reading.

    Args:
        student: Who scores.
        rendering: What a lesson asks and teaches.
        column: Name of the column.
        scoring: Sizes of the batches.
    """

    def __init__(
        self, student: Student, rendering: Rendering, column: str = "error_norm", scoring: Scoring | None = None
    ) -> None:
        super().__init__(student, rendering, column, scoring)

    def values(self, lessons: LessonSet) -> Scores:
        """Return the mean over the tokens of all exercises."""
        found, owners = scored(self.student, self.rendering, lessons, self.scoring, asked)
        return per_lesson(found.error, owners, len(lessons)) / per_lesson(found.tokens, owners, len(lessons))


def asked(exercise: Exercise) -> list[Pair]:
    """Score the answer of an exercise, given its conversation."""
    return [Pair(exercise.messages, exercise.answer)]
