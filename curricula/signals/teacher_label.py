"""A number that a teacher gave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curricula.signals.base import Column, Signal
from lessons.joining import ABSENT
from lessons.lesson_set import LessonSet

__all__ = ["TeacherLabel"]


class TeacherLabel(Signal):
    """The value of one kind of annotation: how difficult a teacher found each lesson, from 0 to 1.

    The column is called "teacher_difficulty". Its provenance names the teachers, models and templates that gave it.

    Args:
        kind: Kind of the annotation whose value is read.
    """

    def __init__(self, kind: str = "difficulty") -> None:
        self.kind = kind

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"teacher_{self.kind}"

    def compute(self, lessons: LessonSet) -> Column:
        """Read the labels; a lesson without a usable one misses it."""
        values = np.asarray(lessons.annotation_column(self.kind, "value"), np.float64)
        found = ", ".join(sorted(lessons.annotation_rows)) or "none"
        source = f"the value of the annotations of kind {self.kind!r} (kinds there are: {found})"
        return Column(values, provenance={"source": source, **authors(lessons, self.kind)})


def authors(lessons: LessonSet, kind: str) -> dict[str, Any]:
    """Return the distinct teachers, models and templates behind one kind of annotation, sorted."""
    rows = lessons.annotation_rows.get(kind, np.empty(0, np.int64))
    used = lessons.annotations.select(["teacher", "model", "template"]).take(pa.array(rows[rows != ABSENT]))
    return {f"{name}s": sorted(pc.unique(used[name]).to_pylist()) for name in used.column_names}
