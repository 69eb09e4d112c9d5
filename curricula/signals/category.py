"""A category the data came with."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curricula.signals.base import Column, Signal
from curricula.signals.given import PREFIX
from lessons.errors import DataError
from lessons.joining import ABSENT
from lessons.lesson_set import LessonSet
from lessons.tables import ANNOTATION_SCHEMA

__all__ = ["Category", "category_column"]


class Category(Signal):
    """Which topic, source or kind each lesson belongs to: the groups of quotas, blocks and mixtures.

    The column is called after what is read: "topic", or "skill" for `metadata.skill`, or "bloom" for the answers of
    annotations of the kind "bloom".

    Args:
        column: A text column of the prompts such as "topic", "metadata." and the name of a metadata field, or
            "annotation." and a kind of annotation, whose answer (or else text) is read.
        missing: Name of the category of lessons without one; None leaves their value missing.
    """

    def __init__(self, column: str = "topic", missing: str | None = None) -> None:
        self.column = column
        self.missing = missing

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column.rpartition(".")[2]

    def compute(self, lessons: LessonSet) -> Column:
        """Read the column; the categories are numbered in the order of their names."""
        source, _, field = self.column.partition(".")
        if source == "annotation" and field:
            texts = annotation_texts(lessons, field)
        elif self.column.startswith(PREFIX):
            texts = metadata_texts(lessons.prompts, field).take(pa.array(lessons.prompt_rows))
        else:
            texts = prompt_texts(lessons.prompts, self.column).take(pa.array(lessons.prompt_rows))
        return category_column(texts, self.missing, {"source": f"the lessons' {self.column}"})


def category_column(texts: pa.Array, missing: str | None, provenance: dict[str, str]) -> Column:
    """Number the different texts in their order; null becomes `missing`, or a missing value."""
    if missing is not None:
        texts = texts.fill_null(missing)
    encoded = texts.dictionary_encode()
    labels = encoded.dictionary
    place = np.empty(len(labels), np.int64)
    order = pc.sort_indices(labels).to_numpy()
    place[order] = np.arange(len(labels))
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.float64)  # null becomes NaN
    known = ~np.isnan(codes)
    codes[known] = place[codes[known].astype(np.int64)]
    return Column(codes, provenance=dict(provenance), labels=tuple(labels.take(pa.array(order)).to_pylist()))


def annotation_texts(lessons: LessonSet, kind: str) -> pa.Array:
    """Return the answer of each lesson's annotation, or its text where it has no answer; null without one."""
    rows = lessons.annotation_rows.get(kind, np.full(len(lessons), ABSENT))
    table = lessons.annotations if lessons.annotations.num_rows else ANNOTATION_SCHEMA.empty_table()
    taken = table.select(["answer", "text"]).take(pa.array(rows, mask=rows == ABSENT))
    return pc.coalesce(taken["answer"], taken["text"]).combine_chunks()


def prompt_texts(prompts: pa.Table, name: str) -> pa.Array:
    """Return a text column of the prompts."""
    allowed = [field.name for field in prompts.schema if pa.types.is_string(field.type) and field.name != "metadata"]
    if name not in allowed:
        raise DataError(
            f"The prompts' column {name!r} cannot be a category. Allowed: {', '.join(allowed)}, {PREFIX}FIELD for a "
            "field of their metadata, or annotation.KIND for what a teacher wrote. Correct the `column` of Category."
        )
    return prompts[name].combine_chunks()


def metadata_texts(prompts: pa.Table, name: str) -> pa.Array:
    """Return a field of each prompt's metadata as text; null where it is absent or null."""
    values: list[str | None] = []
    seen: set[str] = set()
    for text in prompts["metadata"].to_pylist():
        fields = json.loads(text) if text else {}
        seen.update(fields)
        value = fields.get(name)
        values.append(None if value is None else value if isinstance(value, str) else json.dumps(value))
    if prompts.num_rows and name not in seen:
        raise DataError(
            f"No prompt has a metadata field {name!r}; there are: {', '.join(sorted(seen)) or 'none'}. "
            "Correct the `column` of Category, or map that column when reading the data."
        )
    return pa.array(values, pa.string())
