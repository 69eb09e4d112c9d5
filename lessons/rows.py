"""Records as rows of a table: one schema per record, and the way there and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from lessons.records import Annotation, Attempt, Grade, Message, Prompt, Provenance

__all__ = [
    "ANNOTATION_SCHEMA",
    "ATTEMPT_SCHEMA",
    "PROMPT_SCHEMA",
    "Row",
    "annotation_from_row",
    "annotation_to_row",
    "attempt_from_row",
    "attempt_to_row",
    "prompt_from_row",
    "prompt_to_row",
]

Row = dict[str, Any]

GRADE_FIELDS = [
    ("correct", pa.bool_()),
    ("score", pa.float64()),
    ("graded_answer", pa.string()),
    ("grader", pa.string()),
    ("grade_reason", pa.string()),
]

PROMPT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])), nullable=False),
        ("reference", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("topic", pa.string()),
        ("difficulty", pa.float64()),
        ("metadata", pa.string()),  # JSON: its keys differ from row to row
    ]
)

ANNOTATION_SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        ("answer", pa.string()),
        ("value", pa.float64()),
        ("subject", pa.string()),
        ("data", pa.string()),  # JSON: its keys differ from kind to kind
        ("problem", pa.string()),
        *GRADE_FIELDS,
        pa.field("saw_reference", pa.bool_(), nullable=False),
        pa.field("trusted", pa.bool_(), nullable=False),  # derived, for readers without Python
        pa.field("teacher", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("template", pa.string(), nullable=False),
        pa.field("request_key", pa.string(), nullable=False),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("cost_dollars", pa.float64()),
        ("finish_reason", pa.string()),
    ]
)

ATTEMPT_SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.string(), nullable=False),
        pa.field("author", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        *GRADE_FIELDS,
        ("tokens", pa.int64()),
        pa.field("truncated", pa.bool_(), nullable=False),
    ]
)

ANNOTATION_FIELDS = (
    "prompt_id", "kind", "sample", "text", "answer", "value", "subject", "problem", "saw_reference", "trusted",
)  # fmt: skip
PROVENANCE_FIELDS = (
    "teacher", "model", "template", "request_key", "input_tokens", "output_tokens", "cost_dollars", "finish_reason",
)  # fmt: skip
ATTEMPT_FIELDS = ("prompt_id", "author", "sample", "text", "tokens", "truncated")


def prompt_to_row(prompt: Prompt) -> Row:
    """Flatten a prompt into the columns of `PROMPT_SCHEMA`."""
    return {
        "id": prompt.id,
        "messages": [{"role": m.role, "content": m.content} for m in prompt.messages],
        "reference": prompt.reference,
        "choices": list(prompt.choices),
        "topic": prompt.topic,
        "difficulty": prompt.difficulty,
        "metadata": json_or_null(prompt.metadata),
    }


def prompt_from_row(row: Mapping[str, Any]) -> Prompt:
    """Rebuild a prompt from a row of `PROMPT_SCHEMA`."""
    return Prompt(
        id=row["id"],
        messages=tuple(Message(m["role"], m["content"]) for m in row["messages"]),
        reference=row["reference"],
        choices=tuple(row["choices"] or ()),
        topic=row["topic"],
        difficulty=row["difficulty"],
        metadata=json.loads(row["metadata"]) if row["metadata"] else {},
    )


def annotation_to_row(annotation: Annotation) -> Row:
    """Flatten an annotation into the columns of `ANNOTATION_SCHEMA`."""
    source = annotation.provenance
    return {
        **{name: getattr(annotation, name) for name in ANNOTATION_FIELDS},
        "data": json_or_null(annotation.data),
        **grade_to_row(annotation.grade),
        **{name: getattr(source, name) for name in PROVENANCE_FIELDS},
    }


def annotation_from_row(row: Mapping[str, Any]) -> Annotation:
    """Rebuild an annotation from a row of `ANNOTATION_SCHEMA`."""
    return Annotation(
        **{name: row[name] for name in ANNOTATION_FIELDS if name != "trusted"},
        data=json.loads(row["data"]) if row["data"] else {},
        grade=grade_from_row(row),
        provenance=Provenance(**{name: row[name] for name in PROVENANCE_FIELDS}),
    )


def attempt_to_row(attempt: Attempt) -> Row:
    """Flatten an attempt into the columns of `ATTEMPT_SCHEMA`."""
    return {**{name: getattr(attempt, name) for name in ATTEMPT_FIELDS}, **grade_to_row(attempt.grade)}


def attempt_from_row(row: Mapping[str, Any]) -> Attempt:
    """Rebuild an attempt from a row of `ATTEMPT_SCHEMA`."""
    return Attempt(**{name: row[name] for name in ATTEMPT_FIELDS}, grade=grade_from_row(row))


def json_or_null(values: Mapping[str, Any]) -> str | None:
    """Write a mapping as JSON; null when it is empty."""
    return json.dumps(dict(values), sort_keys=True, ensure_ascii=False) if values else None


def grade_to_row(grade: Grade | None) -> Row:
    """Flatten a grade; all columns are null when there is none."""
    if grade is None:
        return {name: None for name, _ in GRADE_FIELDS}
    return {
        "correct": grade.correct,
        "score": grade.score,
        "graded_answer": grade.answer,
        "grader": grade.grader,
        "grade_reason": grade.reason,
    }


def grade_from_row(row: Mapping[str, Any]) -> Grade | None:
    """Rebuild a grade; None where the row was not graded."""
    if row["grader"] is None:
        return None
    return Grade(row["correct"], row["score"], row["graded_answer"], row["grader"], row["grade_reason"])
