from __future__ import annotations

from typing import Any

import pytest

from lessons.errors import ConfigError, RenderingError
from students import SelfCorrection, Student
from tests.students.renderings.written import PROMPT, lesson, note, read, spans

FIRST = "<|begin|><|user|>2+2?<|end|><|assistant|>"
AGAIN = "<|end|><|user|>Again?<|end|><|assistant|>"


def revised(attempt: str, **data: Any) -> Any:
    return lesson(note("revision", "Two and two.", answer="4", subject=attempt, data=data))


def test_only_the_revision_is_learnt_and_the_attempt_is_read(ascii_student: Student) -> None:
    assert spans(ascii_student, SelfCorrection("Again?"), revised("5")) == [
        [(f"{FIRST}5{AGAIN}", 0.0), ("Two and two.\nAnswer: 4<|end|>", 1.0)]
    ]
    assert SelfCorrection().parts == {"revision": 1.0}
    assert read(ascii_student, SelfCorrection()) == FIRST


def test_first_answers_that_were_right_can_be_learnt_too(ascii_student: Student) -> None:
    rendering = SelfCorrection("Again?", turns="right", correction_weight=0.75)
    assert rendering.parts == {"revision": 0.75, "answer": 0.25}
    last, first = spans(ascii_student, rendering, revised("four", attempt_correct=True))
    assert last == [(f"{FIRST}four{AGAIN}", 0.0), ("Two and two.\nAnswer: 4<|end|>", 1.0)]
    assert first == [(FIRST, 0.0), ("four<|end|>", 1.0)]
    counts = {
        attempt: len(rendering.exercises(revised(attempt, **data)))
        for attempt, data in {"5": {"attempt_correct": False}, "4": {}, "Answer: 4": {}, "6": {}}.items()
    }
    assert counts == {"5": 1, "4": 2, "Answer: 4": 2, "6": 1}  # without a grade the reference decides
    assert len(SelfCorrection(turns="all").exercises(revised("5"))) == 2


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(RenderingError, match=r"revision of lesson 'p' does not say which answer it revises.*`subject`"):
        SelfCorrection().exercises(lesson(note("revision", "x", answer="4")))
    with pytest.raises(
        ConfigError, match=r"turns='first' and correction_weight=0.5; allowed are 'last', 'right', 'all'"
    ):
        assert SelfCorrection(turns="first").parts  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"correction_weight=0; .*above 0 and at most 1. Correct them"):
        assert SelfCorrection(correction_weight=0).parts
    assert SelfCorrection().exam_messages(PROMPT) == PROMPT.messages
