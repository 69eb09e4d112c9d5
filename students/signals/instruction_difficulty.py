"""How much of an answer's difficulty the question takes away, and the other way round."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Scores
from lessons.lesson_set import LessonSet
from lessons.records import Message
from students.renderings import Exercise, Rendering
from students.scoring import Pair, Scoring
from students.signals.base import PairsOf, StudentSignal, per_lesson, scored
from students.student import Student

__all__ = ["InstructionDifficulty", "ReversedInstructionDifficulty"]

GUESS = "Here is an answer. Which question was asked?\n\n{answer}"


class InstructionDifficulty(StudentSignal):
    """IFD (Li et al. 2023, arXiv:2308.12032): mean_t CE(y_t | y_<t, x) / mean_t CE(y_t | y_<t).

    Above 1 the question makes the answer less likely, which the authors take for a mismatch and drop; among the rest
    the highest are the most instructive. CE(y) is scored after the beginning-of-sequence token alone, and both include
    the end-of-turn token: our reading, since chat models had no such form in the paper. A lesson with several exercises
    takes the sums over all of them.

    Args:
        student: Who scores; a small one serves as well as a large one (Superfiltering).
        rendering: What a lesson asks (x) and teaches (y).
        column: Name of the column.
        scoring: Sizes of the batches.
    """

    def __init__(
        self, student: Student, rendering: Rendering, column: str = "ifd", scoring: Scoring | None = None
    ) -> None:
        super().__init__(student, rendering, column, scoring)

    def values(self, lessons: LessonSet) -> Scores:
        """Return the ratio of every lesson."""
        return ratios(self, lessons, with_and_without)


class ReversedInstructionDifficulty(StudentSignal):
    """r-IFD (Li et al. 2024, arXiv:2402.10110): CE(x | y') / CE(x), where y' asks for the question behind the answer y.

    Low values: the answer tells a lot about its question. The wording of y' is ours.

    Args:
        student: Who scores.
        rendering: What a lesson asks (x, its last user message) and teaches (y).
        column: Name of the column.
        scoring: Sizes of the batches.
    """

    def __init__(
        self, student: Student, rendering: Rendering, column: str = "reversed_ifd", scoring: Scoring | None = None
    ) -> None:
        super().__init__(student, rendering, column, scoring)

    def values(self, lessons: LessonSet) -> Scores:
        """Return the ratio of every lesson."""
        return ratios(self, lessons, question_with_and_without)


def with_and_without(exercise: Exercise) -> list[Pair]:
    """Score the answer with and without its question."""
    return [Pair(exercise.messages, exercise.answer), Pair(exercise.messages, exercise.answer, alone=True)]


def question_with_and_without(exercise: Exercise) -> list[Pair]:
    """Score the question with and without its answer."""
    guess = (Message("user", GUESS.format(answer=exercise.answer)),)
    question = exercise.messages[-1].content
    return [Pair(guess, question), Pair(guess, question, alone=True)]


def ratios(signal: StudentSignal, lessons: LessonSet, pairs_of: PairsOf) -> Scores:
    """Return the mean loss of each lesson's first pairs over that of its second pairs."""
    found, owners = scored(signal.student, signal.rendering, lessons, signal.scoring, pairs_of)
    first = np.arange(len(owners)) % 2 == 0
    means = [
        per_lesson(found.nll[half], owners[half], len(lessons))
        / per_lesson(found.tokens[half], owners[half], len(lessons))
        for half in (first, ~first)
    ]
    ratio: Scores = means[0] / means[1]
    return ratio
