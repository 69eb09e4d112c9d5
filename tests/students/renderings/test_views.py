from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lessons.errors import ConfigError
from lessons.records import Lesson
from students import (
    AnswerOnly,
    RationalePrefix,
    RationaleThenAnswer,
    Rendering,
    Student,
    TwoTask,
    Views,
    render_all,
)

Make = Callable[[int], list[Lesson]]


def test_every_lesson_is_rendered_in_every_view(tiny_student: Student, make_lessons: Make) -> None:
    inner = [RationalePrefix(0.5), RationaleThenAnswer(), AnswerOnly()]
    lessons, views = make_lessons(20), Views(inner)
    found = render_all(views, lessons, tiny_student.encoder).examples
    for number, rendering in enumerate(inner):
        alone = render_all(rendering, lessons, tiny_student.encoder).examples
        for name, examples in alone.items():
            assert [e for e in found[name] if e.view == number] == [replace(e, view=number) for e in examples]
    assert views.view_count == 3
    assert views.exercises(lessons[0]) == AnswerOnly().exercises(lessons[0])


def test_a_lesson_too_long_in_one_view_is_left_out_of_all(tiny_student: Student, make_lessons: Make) -> None:
    lessons = make_lessons(40)
    short = render_all(AnswerOnly(), lessons, tiny_student.encoder)
    long = render_all(RationaleThenAnswer(), lessons, tiny_student.encoder, max_tokens=44)
    both = render_all(Views([AnswerOnly(), RationaleThenAnswer()]), lessons, tiny_student.encoder, max_tokens=44)
    assert long.dropped
    assert both.dropped == long.dropped
    assert list(both.examples) == list(long.examples)
    assert len(short.examples) == 40


@pytest.mark.parametrize(
    "renderings", [[], [AnswerOnly(), TwoTask()], [AnswerOnly(), Views([AnswerOnly(), AnswerOnly()])]]
)
def test_views_that_do_not_go_together_are_refused(renderings: list[Rendering]) -> None:
    with pytest.raises(ConfigError, match=r"Views got .*; needed is at least one, none with views of its own.*Correct"):
        _ = Views(renderings).parts


def test_each_view_is_shown_by_its_own_rendering() -> None:
    inner = [AnswerOnly(), TwoTask()]
    assert [Views(inner).in_view(number) for number in range(2)] == inner
    assert inner[0].in_view(0) is inner[0]
