from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from lessons.lesson_set import LessonSet
from lessons.records import Annotation, Message, Prompt, Provenance
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, annotation_to_row, prompt_to_row


@pytest.fixture(scope="session")
def written() -> Callable[..., LessonSet]:
    """Return a function from questions and rationales (None: none) to lessons."""

    def make(questions: Sequence[str], rationales: Sequence[str | None] = ()) -> LessonSet:
        source = Provenance("ScriptedBackend", "program-1", "rationale/1", "key")
        prompts = [Prompt(f"p{k}", (Message("user", text),)) for k, text in enumerate(questions)]
        annotations = [
            Annotation(f"p{k}", "rationale", 0, text, source) for k, text in enumerate(rationales) if text is not None
        ]
        return LessonSet.join(
            pa.Table.from_pylist([prompt_to_row(prompt) for prompt in prompts], PROMPT_SCHEMA),
            pa.Table.from_pylist([annotation_to_row(one) for one in annotations], ANNOTATION_SCHEMA),
            trusted_only=False,
        )

    return make
