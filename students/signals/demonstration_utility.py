"""How much a lesson helps with another when it is shown as an example."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.pool import Pool
from curricula.selection import Links, Relation
from lessons.errors import DataError, RenderingError
from lessons.records import Message
from students.renderings import Exercise, Rendering
from students.scoring import Pair, Scoring, score
from students.signals.base import per_lesson
from students.student import Student

__all__ = ["DemonstrationUtility", "with_demonstration"]


class DemonstrationUtility(Relation):
    """How much nearer a student comes to lesson i's answer once it was shown lesson j: DELIFT's utility.

    u_ij = d(y_i | x_i) - d(y_i | x_j, y_j, x_i), with d = ||p - 1||_2 / sqrt(T) over the probabilities p of the T
    tokens of the answer, scaled to [0, 1] over all pairs (Agarwal et al. 2024, arXiv:2411.04425 unchecked). The authors
    try all pairs, n^2 forward passes; here only those that `among` names, and the others count as the worst, 0: our
    reading. The example stands before the question as a turn of the conversation (in the authors' code as text). Pairs
    too long for the student are left out. A lesson of several exercises is shown by its first, and d is taken over the
    tokens of all.

    Args:
        student: Who is shown and asked.
        rendering: What a lesson asks (x) and teaches (y).
        among: Which pairs are tried, such as curricula.NearestNeighbours: each costs a forward pass.
        scoring: Sizes of the batches.
    """

    def __init__(self, student: Student, rendering: Rendering, among: Relation, scoring: Scoring | None = None) -> None:
        self.student = student
        self.rendering = rendering
        self.among = among
        self.scoring = scoring

    def links(self, pool: Pool) -> Links:
        """Score every lesson by itself and after each of its candidates.

        Raises:
            DataError: A lesson lacks what the rendering needs, or every pair is too long for the student.
        """
        tried = self.among.links(pool)
        exercises = self.exercises(pool)
        own = np.arange(len(pool))
        alone = self.distances(exercises, own, np.full(len(pool), -1))
        gain = alone[tried.covered] - self.distances(exercises, tried.covered, tried.by)
        known = ~np.isnan(gain)
        if not known.any():
            raise DataError(
                f"None of the {len(gain)} pairs of lessons fits into the student's context of "
                f"{self.student.context_length} tokens. At least one question with another lesson before it must fit. "
                "Choose a student with a longer context, raise scoring.max_tokens, or leave long lessons out."
            )
        worth = scaled(gain[known])
        good = worth > 0
        return Links(tried.covered[known][good], tried.by[known][good], worth[good])

    def exercises(self, pool: Pool) -> list[list[Exercise]]:
        """Return what each lesson of the pool asks and teaches."""
        found = []
        for lesson in pool.lessons.at(pool.rows):
            try:
                found.append(self.rendering.exercises(lesson))
            except RenderingError as error:
                raise DataError(
                    f"DemonstrationUtility cannot show lesson {lesson.id!r}: {error} Every lesson to choose from must "
                    "have what it teaches."
                ) from error
        return found

    def distances(self, exercises: list[list[Exercise]], asked: Positions, shown: Positions) -> Scores:
        """Return d for every asked lesson after the one shown before it (-1: none), float64 [asked]."""
        owners: list[int] = []

        def pairs() -> Iterator[Pair]:
            for number, (place, example) in enumerate(zip(asked.tolist(), shown.tolist(), strict=True)):
                for exercise in exercises[place]:
                    owners.append(number)
                    before = exercise.messages
                    if example >= 0:
                        before = with_demonstration(exercise, exercises[example][0])
                    yield Pair(before, exercise.answer)

        found = score(self.student, pairs(), self.scoring)
        lesson = np.array(owners, np.int64)
        miss, tokens = (per_lesson(column, lesson, len(asked)) for column in (found.miss, found.tokens))
        distance: Scores = np.sqrt(miss / tokens)
        return distance


def with_demonstration(exercise: Exercise, shown: Exercise) -> tuple[Message, ...]:
    """Return the conversation of an exercise with another, answered, before its question; system messages stay first.

    >>> asked = Exercise((Message("system", "Add."), Message("user", "2+2")), "4")
    >>> shown = Exercise((Message("system", "Add."), Message("user", "1+2")), "3")
    >>> [message.content for message in with_demonstration(asked, shown)]
    ['Add.', '1+2', '3', '2+2']
    """
    system = [message for message in exercise.messages if message.role == "system"]
    turns = [message for message in exercise.messages if message.role != "system"]
    example = [message for message in shown.messages if message.role != "system"]
    return (*system, *example, Message("assistant", shown.answer), *turns)


def scaled(values: Scores) -> Scores:
    """Return values stretched to [0, 1]; all 1 where they are equal.

    >>> scaled(np.array([-1.0, 0.0, 3.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.ones(len(values))
