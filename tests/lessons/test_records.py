from __future__ import annotations

import dataclasses

import pytest

from lessons.records import Annotation, Grade, Lesson, Message, Prompt, Provenance

SOURCE = Provenance("ScriptedBackend", "program", "rationale/1", "abc")
RIGHT, WRONG = Grade(True, 1.0, "7", "number/1"), Grade(False, 0.0, "8", "number/1", "the reference is 7")


@pytest.mark.parametrize(
    ("problem", "grade", "trusted"),
    [
        (None, None, True),
        (None, RIGHT, True),
        (None, WRONG, False),
        ("no answer", None, False),
        ("no answer", RIGHT, False),
    ],
)
def test_trust_needs_a_parse_and_no_wrong_grade(problem: str | None, grade: Grade | None, trusted: bool) -> None:
    assert Annotation("p", "rationale", 0, "text", SOURCE, problem=problem, grade=grade).trusted is trusted


def test_the_question_is_what_the_user_said_last() -> None:
    assert Prompt("p", (Message("system", "s"), Message("user", "a"), Message("user", "b"))).question == "b"


def test_a_lesson_gives_its_annotation_by_kind() -> None:
    prompt = Prompt("p", (Message("user", "a"),))
    rationale = Annotation("p", "rationale", 0, "text", SOURCE)
    lesson = Lesson("p", prompt, (rationale,))
    assert lesson.annotation("rationale") is rationale
    assert lesson.annotation("critique") is None


def test_records_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        RIGHT.correct = False  # type: ignore[misc]
