from __future__ import annotations

from collections.abc import Callable

import pytest

from lessons.errors import RenderingError
from lessons.records import Lesson
from students import AnswerOnly, Exercise, RationaleThenAnswer, Rendering, Student, TwoTask, render_all
from tests.students.conftest import ask

Make = Callable[[int], list[Lesson]]


def test_all_at_once_equals_one_by_one(tiny_student: Student, make_lessons: Make) -> None:
    lessons, rendering = make_lessons(1_100), RationaleThenAnswer()
    rendered = render_all(rendering, lessons, tiny_student.encoder)
    assert list(rendered.examples) == [lesson.id for lesson in lessons]
    for lesson in lessons[::100]:
        assert rendered.examples[lesson.id] == rendering.render(lesson, tiny_student.encoder)
    assert rendered.tokens == sum(len(e.input_ids) for found in rendered.examples.values() for e in found)
    assert 0 < rendered.supervised_tokens < rendered.tokens
    assert not rendered.dropped


def test_over_long_lessons_are_left_out_whole_and_counted(tiny_student: Student, make_lessons: Make) -> None:
    lessons, rendering = make_lessons(40), TwoTask(predict_prefix="p ", explain_prefix="e ")
    longest = {
        lesson.id: max(len(e.input_ids) for e in rendering.render(lesson, tiny_student.encoder)) for lesson in lessons
    }
    limit = min(longest.values())
    rendered = render_all(rendering, lessons, tiny_student.encoder, max_tokens=limit)
    assert rendered.dropped == {name: tokens for name, tokens in longest.items() if tokens > limit}
    assert len(rendered.examples) + len(rendered.dropped) == 40
    assert rendered.dropped
    assert all(len(found) == 2 and found[0].weights[-1] == 1 for found in rendered.examples.values())


def test_refusing_over_long_lessons(tiny_student: Student, make_lessons: Make) -> None:
    with pytest.raises(RenderingError, match=r"Lesson 'p0' needs \d+ tokens; at most 10 are.*over_long: drop"):
        render_all(AnswerOnly(), make_lessons(3), tiny_student.encoder, max_tokens=10, over_long="refuse")


def test_nothing_left_is_an_error(tiny_student: Student, make_lessons: Make) -> None:
    with pytest.raises(RenderingError, match=r"No lesson is left.*5 were given, 5 longer than 3 tokens.*`max_tokens`"):
        render_all(AnswerOnly(), make_lessons(5), tiny_student.encoder, max_tokens=3)
    with pytest.raises(RenderingError, match=r"No lesson is left to train on: 0 were given"):
        render_all(AnswerOnly(), [], tiny_student.encoder)


class WrongPart(Rendering):
    def exercises(self, lesson: Lesson) -> list[Exercise]:
        return [Exercise(ask("a"), "b", part="elsewhere")]


class Nothing(Rendering):
    def exercises(self, lesson: Lesson) -> list[Exercise]:
        return []


def test_a_part_that_has_no_weight_in_the_loss(tiny_student: Student, make_lessons: Make) -> None:
    with pytest.raises(RenderingError, match=r"WrongPart gave lesson 'p0'.*part 'elsewhere'.*one of the parts answer"):
        render_all(WrongPart(), make_lessons(1), tiny_student.encoder)


def test_a_lesson_without_a_supervised_token(tiny_student: Student, make_lessons: Make) -> None:
    with pytest.raises(RenderingError, match=r"Lesson 'p0' has no supervised token under Nothing"):
        render_all(Nothing(), make_lessons(1), tiny_student.encoder)
