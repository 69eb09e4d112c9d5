from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lessons.records import Annotation, Grade, Lesson, Message, Prompt, Provenance


@pytest.fixture
def wrote() -> Callable[..., Annotation]:
    """One annotation: its mark, who wrote it, and whatever else is wished."""

    def build(
        text: str, correct: bool | None = None, kind: str = "rationale", author: str = "m", **fields: Any
    ) -> Annotation:
        fields = {"answer": "7", "sample": 0, **fields}
        score = fields.pop("score", float(correct is True))
        grade = None if correct is None else Grade(correct, score, fields["answer"], "exact/1")
        return Annotation("p", kind, text=text, provenance=Provenance("t", author, "x/1", "k"), grade=grade, **fields)

    return build


@pytest.fixture
def lesson() -> Callable[..., Lesson]:
    def build(*written: Annotation) -> Lesson:
        return Lesson("p", Prompt("p", (Message("user", "3+4?"),), reference="7"), (), written)

    return build
