"""All graded tries at the questions of some lessons, joined with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curricula.arrays import Scores
from lessons.errors import DataError
from lessons.lesson_set import LessonSet

__all__ = ["Tried", "tried"]


@dataclass(frozen=True)
class Tried:
    """All graded tries at the lessons' questions, as columns."""

    lesson: npt.NDArray[np.int64]
    """The lesson each try counts for, [tries]."""
    correct: npt.NDArray[np.bool_]
    """Whether it was right, [tries]."""
    score: Scores
    """Its score, [tries]."""
    answer: npt.NDArray[np.int64]
    """A code for its final answer, equal for equal answers; -1 where it gave none, [tries]."""
    lessons: int
    """How many lessons there are."""

    @property
    def count(self) -> Scores:
        """Tries at each lesson, [lessons]; NaN where there are none."""
        counts = np.bincount(self.lesson, minlength=self.lessons).astype(np.float64)
        return np.where(counts > 0, counts, np.nan)

    def mean(self, values: npt.NDArray[Any]) -> Scores:
        """Return the mean over each lesson's tries, [lessons]."""
        return np.bincount(self.lesson, weights=values, minlength=self.lessons) / self.count


def tried(attempts: pa.Table, lessons: LessonSet, source: str) -> Tried:
    """Join attempts with the lessons whose questions they answer; lessons of one question share its tries.

    Args:
        attempts: A table of `ATTEMPT_SCHEMA`.
        lessons: The lessons.
        source: Where the attempts come from, for messages.

    Raises:
        DataError: An attempt was not graded, or none answers any of these questions.
    """
    if ungraded := attempts["correct"].null_count:
        raise DataError(
            f"{ungraded} of {attempts.num_rows} attempts in {source} were not graded; tries are counted by their "
            "grades. Give a grader when they are made."
        )
    rows = pc.index_in(attempts["prompt_id"], lessons.prompts["id"].combine_chunks())
    prompt = rows.fill_null(-1).to_numpy()
    if not (prompt >= 0).any():
        raise DataError(
            f"None of the {attempts.num_rows} attempts in {source} answers any of the questions of these "
            f"{len(lessons)} lessons. Give the attempts at these very prompts."
        )
    order = np.argsort(prompt, kind="stable")
    starts, ends = (np.searchsorted(prompt[order], lessons.prompt_rows, side) for side in ("left", "right"))
    lesson = np.repeat(np.arange(len(lessons)), ends - starts)
    offset = np.arange(len(lesson)) - np.repeat(np.cumsum(ends - starts) - (ends - starts), ends - starts)
    chosen = order[np.repeat(starts, ends - starts) + offset]
    answers = attempts["graded_answer"].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
    return Tried(
        lesson=lesson,
        correct=attempts["correct"].to_numpy()[chosen].astype(bool),
        score=attempts["score"].to_numpy()[chosen],
        answer=answers[chosen].astype(np.int64),
        lessons=len(lessons),
    )
