"""The texts of the lessons, as columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curricula.signals.length import last_contents
from lessons.joining import ABSENT
from lessons.lesson_set import LessonSet

__all__ = ["lesson_texts"]


def lesson_texts(lessons: LessonSet, of: str, positions: npt.NDArray[np.int64] | None = None) -> pa.Array:
    """Return a part of lessons as text, null where one has none, string [lessons].

    Args:
        lessons: The lessons.
        of: "question" (the last user message), "reference" (the right answer), or a kind of annotation.
        positions: Which lessons; None for all.
    """
    chosen = slice(None) if positions is None else positions
    if of == "question":
        column, rows = last_contents(lessons.prompts["messages"]), pa.array(lessons.prompt_rows[chosen])
    elif of == "reference":
        column, rows = lessons.prompts["reference"], pa.array(lessons.prompt_rows[chosen])
    else:
        found = lessons.annotation_rows.get(of, np.full(len(lessons), ABSENT))[chosen]
        column, rows = lessons.annotations["text"], pa.array(found, mask=found == ABSENT)
    taken = column.take(rows)
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
