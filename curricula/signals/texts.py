"""The texts of the lessons, as columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curricula.signals.length import last_contents
from lessons.lesson_set import ABSENT, LessonSet

__all__ = ["lesson_texts"]


def lesson_texts(lessons: LessonSet, of: str) -> pa.Array:
    """Return a part of every lesson as text, null where it has none, string [lessons].

    Args:
        lessons: The lessons.
        of: "question" (the last user message), "reference" (the right answer), or a kind of annotation.
    """
    if of == "question":
        column, rows = last_contents(lessons.prompts["messages"]), pa.array(lessons.prompt_rows)
    elif of == "reference":
        column, rows = lessons.prompts["reference"], pa.array(lessons.prompt_rows)
    else:
        found = lessons.annotation_rows.get(of, np.full(len(lessons), ABSENT))
        column, rows = lessons.annotations["text"], pa.array(found, mask=found == ABSENT)
    taken = column.take(rows)
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
