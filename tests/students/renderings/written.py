"""Lessons with any annotations, and sequences as a reader sees them."""

from __future__ import annotations

from typing import Any

from lessons.records import Annotation, Lesson, Message, Prompt, Provenance
from students import Rendering, Student, preview

SOURCE = Provenance("test", "model-1", "test/1", "0" * 64)
PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4")


def note(kind: str, text: str, **fields: Any) -> Annotation:
    """Return an annotation of the prompt."""
    return Annotation("p", kind, 0, text, fields.pop("source", SOURCE), **fields)


def lesson(*annotations: Annotation, prompt: Prompt = PROMPT, name: str = "p") -> Lesson:
    """Return a lesson."""
    return Lesson(name, prompt, annotations)


def spans(student: Student, rendering: Rendering, given: Lesson) -> list[list[tuple[str, float]]]:
    """Return each training sequence as runs of equal weight, special tokens and all."""
    return [
        [(span.text, span.weight) for span in preview(example, student.tokenizer)]
        for example in rendering.render(given, student.encoder)
    ]


def read(student: Student, rendering: Rendering, prompt: Prompt = PROMPT) -> str:
    """Return what the student reads at the exam, decoded."""
    return str(student.tokenizer.decode(student.encoder.prompt_ids(rendering.exam_messages(prompt))))
