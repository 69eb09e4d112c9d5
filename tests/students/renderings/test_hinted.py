from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lessons.errors import RenderingError
from lessons.records import Lesson
from students import AnswerOnly, Hinted, Student, TwoTask
from tests.students.conftest import ask
from tests.students.renderings.test_base import decoded

Make = Callable[[int], list[Lesson]]


def hinted(lesson: Lesson, text: str) -> Lesson:
    hint = replace(lesson.annotations[0], kind="hint", text=text)
    return replace(lesson, annotations=(*lesson.annotations, hint))


def test_the_hint_is_read_and_never_learnt(tiny_student: Student, make_lessons: Make) -> None:
    lesson = hinted(make_lessons(1)[0], "add the tens")
    question = lesson.prompt.question
    example = Hinted(AnswerOnly(), template="{question} [{hint}]").render(lesson, tiny_student.encoder)[0]
    assert decoded(tiny_student, example, True) == f"{lesson.prompt.reference}<|end|>"
    assert f"<|user|>{question} [add the tens]<|end|>" in decoded(tiny_student, example, False)
    assert Hinted(AnswerOnly()).exam_messages(lesson.prompt) == lesson.prompt.messages


def test_text_in_braces_is_not_filled_in_twice(make_lessons: Make) -> None:
    lesson = hinted(make_lessons(1)[0], "see {question}")
    lesson = replace(lesson, prompt=replace(lesson.prompt, messages=ask("what is {hint}?")))
    found = Hinted(AnswerOnly()).exercises(lesson)[0].messages[-1].content
    assert found == "what is {hint}?\n\nHint: see {question}"


def test_all_exercises_and_parts_are_those_of_the_rendering_inside(make_lessons: Make) -> None:
    lesson, inner = hinted(make_lessons(1)[0], "add"), TwoTask(0.25)
    rendering = Hinted(inner)
    assert rendering.parts == inner.parts
    for mine, theirs in zip(rendering.exercises(lesson), inner.exercises(lesson), strict=True):
        assert (mine.answer, mine.part) == (theirs.answer, theirs.part)
        assert mine.messages[-1].content == theirs.messages[-1].content + "\n\nHint: add"


def test_a_lesson_without_a_hint_is_refused_unless_hints_are_optional(make_lessons: Make) -> None:
    lesson = make_lessons(1)[0]
    with pytest.raises(RenderingError, match=r"Lesson 'p0' has no hint, which Hinted trains on; it has rationale"):
        Hinted(AnswerOnly()).exercises(lesson)
    assert Hinted(AnswerOnly(), optional=True).exercises(lesson) == AnswerOnly().exercises(lesson)
