"""A number the data came with."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from curricula.arrays import Scores
from curricula.signals.base import Column, Signal
from lessons.errors import DataError
from lessons.lesson_set import LessonSet

__all__ = ["Given"]

PREFIX = "metadata."


class Given(Signal):
    """A number the data came with: the prompts' difficulty, or a number in their metadata.

    The column is called "given_difficulty", or "given_grade" for `metadata.grade`.

    Args:
        column: "difficulty", or "metadata." and the name of a metadata field that holds numbers.
    """

    def __init__(self, column: str = "difficulty") -> None:
        self.column = column

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"given_{self.column.removeprefix(PREFIX)}"

    def compute(self, lessons: LessonSet) -> Column:
        """Read the column; lessons whose prompt has no such value miss it."""
        if self.column.startswith(PREFIX):
            per_prompt = metadata_numbers(lessons.prompts, self.column.removeprefix(PREFIX))
        else:
            per_prompt = prompt_numbers(lessons.prompts, self.column)
        return Column(per_prompt[lessons.prompt_rows], provenance={"source": f"the prompts' {self.column}"})


def prompt_numbers(prompts: pa.Table, name: str) -> Scores:
    """Return a number column of the prompts, [prompts]."""
    numeric = [f.name for f in prompts.schema if pa.types.is_floating(f.type) or pa.types.is_integer(f.type)]
    if name not in numeric:
        kind = "is not a column of numbers" if name in prompts.column_names else "does not exist"
        raise DataError(
            f"The prompts' column {name!r} {kind}. Allowed: {', '.join(numeric)}, or {PREFIX}FIELD for a number in "
            "their metadata. Correct the `column` of the Given signal."
        )
    return np.asarray(prompts[name].cast(pa.float64()).to_numpy(), np.float64)


def metadata_numbers(prompts: pa.Table, name: str) -> Scores:
    """Return a number out of each prompt's metadata, [prompts]; NaN where the field is absent or null."""
    values = np.full(prompts.num_rows, np.nan)
    seen: set[str] = set()
    for row, text in enumerate(prompts["metadata"].to_pylist()):
        fields: dict[str, Any] = json.loads(text) if text else {}
        seen.update(fields)
        value = fields.get(name)
        if value is None:
            continue
        if not isinstance(value, int | float):
            raise DataError(
                f"The metadata field {name!r} of prompt {prompts['id'][row].as_py()!r} (row {row}) is {value!r}; a "
                "signal needs numbers. Choose another field, or store numbers in this one."
            )
        values[row] = value
    if prompts.num_rows and name not in seen:
        raise DataError(
            f"No prompt has a metadata field {name!r}; there are: {', '.join(sorted(seen)) or 'none'}. "
            "Correct the `column` of the Given signal, or map that column when reading the data."
        )
    return values
