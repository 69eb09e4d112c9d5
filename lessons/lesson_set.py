"""Lessons as columns: prompts joined with the annotations chosen for training, without one Python object per lesson."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lessons.errors import DataError
from lessons.fingerprints import update_messages, update_texts
from lessons.joining import ABSENT, Rows, first_per_prompt, position_within, row_of_prompt, spread
from lessons.records import Annotation, Lesson
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, annotation_from_row, prompt_from_row
from lessons.tables import read_table
from lessons.written import Written

__all__ = ["LessonSet"]

LESSONS_PER_BLOCK = 100_000


@dataclass(frozen=True)
class LessonSet:
    """A sequence of lessons, stored as two tables and the row numbers that join them.

    `lesson_set[i]` builds one `Lesson`; planners read whole columns instead.
    """

    prompts: pa.Table
    """The prompts: `PROMPT_SCHEMA`."""
    annotations: pa.Table
    """The annotations: `ANNOTATION_SCHEMA`."""
    ids: npt.NDArray[np.object_]
    """The lesson ids, [lessons]."""
    prompt_rows: Rows
    """Row of each lesson's prompt, [lessons]."""
    annotation_rows: dict[str, Rows]
    """By kind: row of each lesson's annotation, [lessons]; -1 where it has none."""

    @classmethod
    def read(
        cls,
        prompts: str | Path,
        annotations: str | Path | None = None,
        target: str | None = None,
        targets_per_prompt: int = 1,
        trusted_only: bool = True,
    ) -> LessonSet:
        """Join the two Parquet files of a round.

        Args:
            prompts: Path of `prompts.parquet`.
            annotations: Path of `lessons.parquet`; None for bare prompts.
            target: The kind of annotation that makes a lesson ("rationale", "critique"): each chosen one becomes a
                lesson, and prompts without one are left out. None: one lesson per prompt.
            targets_per_prompt: At most this many targets of one prompt, lowest sample numbers first.
            trusted_only: Leave out annotations that failed to parse or were graded wrong.

        Raises:
            DataError: A file is unusable, an annotation names an unknown prompt, or nothing is left to train on.
        """
        prompt_table = read_table(prompts, PROMPT_SCHEMA)
        table = read_table(annotations, ANNOTATION_SCHEMA) if annotations else ANNOTATION_SCHEMA.empty_table()
        joined = cls.join(prompt_table, table, target, targets_per_prompt, trusted_only)
        if not len(joined):
            wanted = f"with a trusted {target}" if target else "at all"
            raise DataError(
                f"No lesson {wanted} in {prompts}" + (f" and {annotations}" if annotations else "") + ": "
                f"{prompt_table.num_rows} prompts, {table.num_rows} annotations, "
                f"{int(pc.sum(table['trusted']).as_py() or 0)} of them trusted. "
                "Check the teacher's answers with `tutelage show`, or allow unverified ones with trusted_only: false."
            )
        return joined

    @classmethod
    def join(
        cls,
        prompts: pa.Table,
        annotations: pa.Table,
        target: str | None = None,
        targets_per_prompt: int = 1,
        trusted_only: bool = True,
    ) -> LessonSet:
        """Join two tables; see `read` for the arguments."""
        prompt_of = row_of_prompt(prompts, annotations)
        usable = np.ones(annotations.num_rows, bool)
        if trusted_only:
            usable = annotations["trusted"].to_numpy().astype(bool)
        kinds = annotations["kind"].to_numpy().astype(object)
        samples = annotations["sample"].to_numpy()
        chosen = {
            kind: first_per_prompt(
                np.flatnonzero((kinds == kind) & usable),
                prompt_of,
                samples,
                targets_per_prompt if kind == target else 1,
            )
            for kind in sorted(set(kinds))
        }
        if target is None:
            prompt_rows = np.arange(prompts.num_rows, dtype=np.int64)
            rank = np.zeros(len(prompt_rows), np.int64)
        else:
            targets = chosen.pop(target, np.empty(0, np.int64))
            prompt_rows = prompt_of[targets]
            rank = position_within(prompt_rows)
        rows = {kind: spread(found, prompt_of, prompts.num_rows)[prompt_rows] for kind, found in chosen.items()}
        if target is not None:
            rows[target] = targets
        prompt_ids = prompts["id"].to_numpy().astype(object)[prompt_rows]
        ids = np.array(
            [f"{name}#{k}" if k else name for name, k in zip(prompt_ids, rank, strict=True)], dtype=object
        ).reshape(-1)
        return cls(prompts, annotations, ids, prompt_rows, rows)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, position: int) -> Lesson:
        return next(self.at(np.array([position])))

    def __iter__(self) -> Iterator[Lesson]:
        for start in range(0, len(self), 1_000):
            yield from self.at(np.arange(start, min(start + 1_000, len(self))))

    def at(self, positions: Rows) -> Iterator[Lesson]:
        """Yield the lessons at these positions, built in one pass over the columns."""
        prompts = self.prompts.take(self.prompt_rows[positions]).to_pylist()
        by_kind = {}
        for kind, rows in self.annotation_rows.items():
            wanted = rows[positions]
            found = iter(self.annotations.take(wanted[wanted != ABSENT]).to_pylist())
            by_kind[kind] = [next(found) if row != ABSENT else None for row in wanted]
        of_block = cache(lambda: self.written(positions))
        for k, (position, prompt) in enumerate(zip(positions, prompts, strict=True)):
            present = (rows[k] for rows in by_kind.values())
            yield Lesson(
                id=self.ids[position],
                prompt=prompt_from_row(prompt),
                annotations=tuple(annotation_from_row(row) for row in present if row is not None),
                written=Written(of_block, k),
            )

    def written(self, positions: Rows) -> list[tuple[Annotation, ...]]:
        """Return everything that was written about the prompts of the lessons at these positions."""
        starts, rows = self.rows_of_prompts
        spans = [rows[starts[row] : starts[row + 1]] for row in self.prompt_rows[positions]]
        found = iter(self.annotations.take(np.concatenate([np.empty(0, np.int64), *spans])).to_pylist())
        return [tuple(annotation_from_row(next(found)) for _ in span) for span in spans]

    @cached_property
    def rows_of_prompts(self) -> tuple[Rows, Rows]:
        """Where each prompt's annotations begin and end in the second array, [prompts + 1]; their rows, [annotations].

        A prompt's annotations are in the order of their kinds, then of their samples.
        """
        prompt_of = row_of_prompt(self.prompts, self.annotations)
        kinds = np.unique(self.annotations["kind"].to_numpy().astype(str), return_inverse=True)[1]
        order = np.lexsort((self.annotations["sample"].to_numpy(), kinds, prompt_of))
        return np.searchsorted(prompt_of[order], np.arange(self.prompts.num_rows + 1)), order

    def subset(self, positions: Rows) -> LessonSet:
        """Return the lessons at these positions as a set of their own, in this order."""
        rows = {kind: found[positions] for kind, found in self.annotation_rows.items()}
        return LessonSet(self.prompts, self.annotations, self.ids[positions], self.prompt_rows[positions], rows)

    def prompt_column(self, name: str) -> npt.NDArray[Any]:
        """Return a column of the prompts, one entry per lesson (missing: None, or NaN in number columns)."""
        return column(self.prompts, name)[self.prompt_rows]

    def annotation_column(self, kind: str, name: str) -> npt.NDArray[Any]:
        """Return a column of one kind of annotation, one entry per lesson (missing: None, or NaN in number columns)."""
        rows = self.annotation_rows.get(kind, np.full(len(self), ABSENT))
        values = column(self.annotations, name)
        absent: Any = np.nan if values.dtype.kind == "f" else None
        if values.dtype.kind not in "fO":
            values = values.astype(object)
        result = np.full(len(self), absent, dtype=values.dtype)
        result[rows != ABSENT] = values[rows[rows != ABSENT]]
        return result

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the lessons' ids, questions and chosen texts; stamps every plan made for them."""
        digest = hashlib.sha256()
        for start in range(0, len(self), LESSONS_PER_BLOCK):  # blocks bound the memory, and are part of the format
            block = slice(start, start + LESSONS_PER_BLOCK)
            prompts = self.prompts.select(["messages", "reference"]).take(self.prompt_rows[block])
            update_texts(digest, self.ids[block])
            update_messages(digest, prompts["messages"])
            update_texts(digest, prompts["reference"])
            for kind, rows in sorted(self.annotation_rows.items()):
                taken = self.annotations.select(["text", "answer"]).take(
                    pa.array(rows[block], mask=rows[block] == ABSENT)
                )
                digest.update(kind.encode())
                update_texts(digest, taken["text"])
                update_texts(digest, taken["answer"])
        return digest.hexdigest()

    @cached_property
    def position_of(self) -> dict[str, int]:
        """Position of each lesson id."""
        return {name: position for position, name in enumerate(self.ids)}


def column(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """Return a table's column as a numpy array."""
    if name not in table.column_names:
        raise DataError(f"No column {name!r}; there are {', '.join(table.column_names)}.")
    values: npt.NDArray[Any] = table[name].to_numpy()
    return values
