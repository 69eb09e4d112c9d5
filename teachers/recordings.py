"""Annotations made elsewhere: rows of a JSONL, CSV or Parquet file become graded annotations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from lessons.answers import split_answer
from lessons.errors import ConfigError, DataError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt, Provenance
from lessons.sources import CSVSource, JSONLSource, ParquetSource
from lessons.sources.columns import lookup
from lessons.sources.tabular import TabularSource
from lessons.tables import write_annotations
from teachers.distillation import DistillSummary

__all__ = ["RECORDED", "RecordedAnnotations", "RecordedColumns"]

RECORDED = "recorded"
"""The teacher in the provenance of what was imported, not asked."""

READERS: dict[str, type[JSONLSource | CSVSource | ParquetSource]] = {
    ".jsonl": JSONLSource,
    ".csv": CSVSource,
    ".parquet": ParquetSource,
}


@dataclass(frozen=True)
class RecordedColumns:
    """Which column of a recording is which field of an annotation.

    Args:
        id: Column of the prompt's id; None for the row's number as prompt sources count it ("train:0", "train:1" ...
            after the file's name).
        text: Column of what the teacher wrote.
        answer: Column of its final answer; None to take it from a last line "Answer: ..." of the text.
        value: Column of a label, a number.
        model: Column of the model's name; None to use the `model` given.
        subject: Column of what the text is about besides the prompt: the attempt that a critique judges.
    """

    id: str | None = "id"
    text: str = "rationale"
    answer: str | None = None
    value: str | None = None
    model: str | None = None
    subject: str | None = None


class RecordedAnnotations:
    """Imports recorded annotations, grades their answers, and marks their provenance "recorded".

    Several rows of one prompt become its samples 0, 1, 2 ... in the order of the file.

    Args:
        path: The recording: .jsonl, .csv or .parquet.
        columns: Which column is which field.
        kind: What the texts are: "rationale", "critique", "difficulty" ...
        model: Name of the model that wrote them, where no column says it.
        value_range: The lowest and the highest label, which become 0 and 1; None to keep labels as they are.
        saw_reference: Whether the teacher was shown the reference answers.
        where: Keep only rows whose column has this value (or one of a list of values).
        verify: Grade the answers, when there is a grader.
    """

    def __init__(
        self,
        path: str,
        columns: RecordedColumns | None = None,
        kind: str = "rationale",
        model: str = "unknown",
        value_range: tuple[float, float] | None = None,
        saw_reference: bool = False,
        where: dict[str, Any] | None = None,
        verify: bool = True,
    ) -> None:
        self.path = path
        self.columns = columns
        self.kind = kind
        self.model = model
        self.value_range = value_range
        self.saw_reference = saw_reference
        self.where = where
        self.verify = verify

    def write(self, prompts: Sequence[Prompt], grader: Grader | None, out: str | Path) -> DistillSummary:
        """Write the annotations of these prompts, in their order, to a Parquet file; return the counts.

        Raises:
            DataError: The file is unusable, or holds nothing about any of these prompts.
        """
        summary = DistillSummary(prompts=len(prompts))

        def counted() -> Iterator[Annotation]:
            for annotation in self.annotations(prompts, grader):
                summary.count(annotation)
                yield annotation

        write_annotations(out, counted())
        return summary

    def annotations(self, prompts: Iterable[Prompt], grader: Grader | None) -> Iterator[Annotation]:
        """Yield the annotations of these prompts, in their order; rows about other prompts are left out."""
        known = {prompt.id: prompt for prompt in prompts}
        found: dict[str, list[Annotation]] = {}
        rows, stranger = 0, ""
        for name, place, row in self.rows():
            rows += 1
            if name not in known:
                stranger = stranger or name
                continue
            samples = found.setdefault(name, [])
            samples.append(self.annotation(known[name], row, place, len(samples), grader))
        if not found:
            raise DataError(
                f"Nothing in {self.path} is about any of the {len(known)} prompts: it has {rows} rows that pass "
                f"where={self.where or {}}, the first about {stranger!r}, while the first prompt is "
                f"{next(iter(known), None)!r}. Name the column of the prompts' ids in columns.id."
            )
        for name in known:
            yield from found.get(name, ())

    def rows(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield (prompt id, place, row) of the rows that pass."""
        source = self.source()
        column = (self.columns or RecordedColumns()).id
        for number, (place, row) in enumerate(source.rows()):
            if all(passes(lookup(row, name, place), wanted) for name, wanted in (self.where or {}).items()):
                yield (
                    (f"{source.label}:{number}" if column is None else text_of(lookup(row, column, place))),
                    place,
                    row,
                )

    def source(self) -> TabularSource:
        """Return the reader for the file's ending."""
        ending = next((suffix for suffix in READERS if self.path.removesuffix(".gz").endswith(suffix)), None)
        if ending is None:
            raise ConfigError(
                f"Cannot tell the format of the recording {self.path}. Its name must end with .jsonl, .csv or "
                ".parquet. Rename or convert it."
            )
        return READERS[ending](self.path)

    def annotation(
        self, prompt: Prompt, row: Mapping[str, Any], place: str, sample: int, grader: Grader | None
    ) -> Annotation:
        """Turn one row into a graded annotation."""
        columns = self.columns or RecordedColumns()
        text, problem = text_of(lookup(row, columns.text, place)), None
        answer = value = None
        if columns.answer is not None:
            answer = text_of(lookup(row, columns.answer, place))
        elif self.kind == "rationale":
            text, answer = split_answer(text)
            problem = None if answer else 'no line starts with "Answer:"'
        if columns.value is not None:
            value = self.label(lookup(row, columns.value, place), place)
        right = None
        if self.verify and grader is not None and answer is not None and self.kind in ("rationale", "answer"):
            right = grader.grade(answer, prompt)
        return Annotation(
            prompt_id=prompt.id,
            kind=self.kind,
            sample=sample,
            text=text,
            answer=answer,
            value=value,
            subject=None if columns.subject is None else text_of(lookup(row, columns.subject, place)),
            problem=problem,
            grade=right,
            saw_reference=self.saw_reference,
            provenance=Provenance(
                teacher=RECORDED,
                model=self.model if columns.model is None else text_of(lookup(row, columns.model, place)),
                template=f"recorded:{Path(self.path).name}",
                request_key=blake2b(json.dumps(row, sort_keys=True, default=str).encode(), digest_size=20).hexdigest(),
            ),
        )

    def label(self, given: Any, place: str) -> float:
        """Read a label and bring it into the range."""
        try:
            value = float(given)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{place}: the label {given!r} is not a number. Correct the row or columns.value."
            ) from error
        if self.value_range is None:
            return value
        low, high = self.value_range
        if not low <= value <= high or low == high:
            raise DataError(
                f"{place}: the label {value:g} is outside value_range {low:g} to {high:g}. "
                "Correct the row or the range."
            )
        return (value - low) / (high - low)


def passes(value: Any, wanted: Any) -> bool:
    """Whether a value is the wanted one, or one of several."""
    return value in wanted if isinstance(wanted, list) else bool(value == wanted)


def text_of(value: Any) -> str:
    """Write a value as text; whole numbers without a decimal point, nothing as ""."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()
