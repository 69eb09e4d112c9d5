from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError, RenderingError
from lessons.records import Lesson, Message, Prompt
from students import (
    AnswerOnly,
    CharacterTokenizer,
    Composed,
    RandomWeights,
    RationalePrefix,
    Student,
    TwoTask,
    Views,
    render_all,
)
from students.renderings.base import Exercise
from students.renderings.composed import Arrangement

Make = Callable[[int], list[Lesson]]
ARRANGEMENTS: list[Arrangement] = ["in order", "permuted", "some left out"]


def lessons_of(count: int) -> list[Lesson]:
    asked = [(Message("system", "Add."), Message("user", f"{k}+{k}=?")) for k in range(count)]
    return [Lesson(f"p{k}", Prompt(f"p{k}", messages, reference=str(2 * k))) for k, messages in enumerate(asked)]


def read(exercise: Exercise) -> tuple[list[int], dict[int, int]]:
    """Return the lessons asked, in their order, and the answer given to each number."""
    asked = [int(found) for found in re.findall(r"^\d+\. (\d+)\+", exercise.messages[-1].content, re.MULTILINE)]
    answers = {int(n): int(answer) for n, answer in re.findall(r"^(\d+)\. (\d+)$", exercise.answer, re.MULTILINE)}
    return asked, answers


@given(st.integers(2, 12), st.integers(2, 6), st.sampled_from(ARRANGEMENTS), st.integers(0, 3))
def test_every_lesson_is_asked_with_others_and_rightly_answered(
    count: int, together: int, arrangement: Arrangement, seed: int
) -> None:
    composed = Composed(AnswerOnly(), together, arrangement, seed)
    made = composed.compose(lessons_of(count))
    for own, exercise in enumerate(made):
        asked, answers = read(exercise)
        assert own in asked
        assert len(set(asked)) == len(asked) == min(together, count)
        assert [message.role for message in exercise.messages] == ["system", "user"]
        assert all(answer == 2 * asked[number - 1] for number, answer in answers.items())
        assert asked.index(own) + 1 in answers
        task = exercise.messages[-1].content.splitlines()[0]
        if arrangement == "some left out":
            assert f"answer only {', '.join(map(str, answers))}, with" in task
        else:
            assert len(answers) == len(asked)
        if arrangement == "in order":
            assert list(answers) == sorted(answers)
        if arrangement == "permuted":
            assert f"in the order {', '.join(map(str, answers))}, with" in task
    assert made == composed.compose(lessons_of(count))


def test_every_lesson_stands_beside_others_about_as_often() -> None:
    made = Composed(AnswerOnly(), 4).compose(lessons_of(200))
    asked = Counter(number for exercise in made for number in read(exercise)[0])
    assert sum(asked.values()) == 800
    assert all(1 <= asked[number] <= 14 for number in range(200))
    places = Counter(read(exercise)[0].index(own) for own, exercise in enumerate(made))
    assert all(30 <= places[place] <= 70 for place in range(4))  # the own lesson may stand anywhere


def test_arrangements_and_seeds_differ() -> None:
    lessons = lessons_of(20)
    assert Composed(AnswerOnly(), 3, seed=1).compose(lessons) != Composed(AnswerOnly(), 3).compose(lessons)
    orders = [list(read(exercise)[1]) for exercise in Composed(AnswerOnly(), 5, "permuted").compose(lessons)]
    assert any(order != sorted(order) for order in orders)
    counts = {len(read(exercise)[1]) for exercise in Composed(AnswerOnly(), 5, "some left out").compose(lessons)}
    assert len(counts) > 1


def test_the_tokens_learnt_are_all_answers_and_views_turn_the_number(make_lessons: Make) -> None:
    encoder = Student(RandomWeights(16, layers=1, heads=2, tokenizer=CharacterTokenizer())).encoder
    lessons = make_lessons(6)
    views = Views([AnswerOnly(), Composed(AnswerOnly(), 2), Composed(AnswerOnly(), 3)])
    rendered = render_all(views, lessons, encoder).examples
    for place, lesson in enumerate(lessons):
        one, two, three = rendered[lesson.id]
        assert [e.view for e in (one, two, three)] == [0, 1, 2]
        assert one.input_ids == AnswerOnly().render(lesson, encoder)[0].input_ids
        made = Composed(AnswerOnly(), 2).compose(lessons)[place]
        learnt = [token for token, weight in zip(two.input_ids, two.weights, strict=True) if weight]
        assert learnt == encoder.encode([(made.messages, made.answer)])[0].completion_ids
        assert sum(one.weights) < sum(two.weights) < sum(three.weights)


def test_the_exam_and_the_signals_see_single_questions(make_lessons: Make) -> None:
    lesson, composed = make_lessons(1)[0], Composed(TwoTask(), 3)
    assert composed.exercises(lesson) == TwoTask().exercises(lesson)
    assert composed.exam_messages(lesson.prompt) == TwoTask().exam_messages(lesson.prompt)
    assert composed.parts == TwoTask().parts
    assert composed.left_out(lesson) is None
    assert Composed(AnswerOnly(), 1).compose([lesson]) == AnswerOnly().exercises(lesson)


def test_what_cannot_be_composed_is_refused(make_lessons: Make) -> None:
    lessons = make_lessons(2)
    with pytest.raises(RenderingError, match=r"'p0' cannot be asked together with others: TwoTask makes 2 exercises"):
        Composed(TwoTask()).compose(lessons)
    with pytest.raises(RenderingError, match=r"'p0' cannot be asked together .*nothing given of it"):
        Composed(RationalePrefix(0.5)).compose(lessons)
    turns = (Message("user", "2+2=?"), Message("assistant", "5"), Message("user", "No. Again."))
    long = replace(lessons[0], prompt=replace(lessons[0].prompt, messages=turns))
    with pytest.raises(RenderingError, match="AnswerOnly makes 1 exercises of 3 turns"):
        Composed(AnswerOnly()).compose([long])
    with pytest.raises(
        ConfigError, match=r"Composed got together=0, arrangement='in order' and a rendering of 1 views"
    ):
        Composed(AnswerOnly(), 0).compose(lessons)
