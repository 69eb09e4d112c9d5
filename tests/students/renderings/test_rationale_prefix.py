from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lessons.errors import ConfigError, RenderingError
from lessons.records import Lesson
from students import Exercise, RationalePrefix, RationaleThenAnswer, Rendering, Student
from students.renderings.rationale_prefix import beginning
from tests.students.conftest import SMOLLM2_TEMPLATE, BytePairTokenizer, tiny_weights
from tests.students.renderings.test_base import decoded

Make = Callable[[int], list[Lesson]]
TEXT = "He buys 12 pens and 3 books.\n\nThen he gives 5 away, so 12 + 3 - 5 are left.\nThat is all, isn't it?"


def with_text(lesson: Lesson, text: str) -> Lesson:
    return replace(lesson, annotations=(replace(lesson.annotations[0], text=text),))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_what_is_given_is_read_and_the_rest_is_learnt(tiny_student: Student, make_lessons: Make, share: float) -> None:
    for lesson in make_lessons(5):
        whole = RationaleThenAnswer().render(lesson, tiny_student.encoder)[0]
        example = RationalePrefix(share).render(lesson, tiny_student.encoder)[0]
        assert example.input_ids == whole.input_ids
        given = beginning(lesson.annotations[0].text, share)
        learnt = f"{lesson.annotations[0].text}\nAnswer: {lesson.prompt.reference}<|end|>"[len(given) :]
        assert decoded(tiny_student, example, True) == learnt
        assert decoded(tiny_student, example, False).endswith("<|assistant|>" + given)


@pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.77, 1.0])
def test_a_token_across_the_border_is_not_learnt(make_lessons: Make, share: float) -> None:
    """With a tokenizer that merges across words, no token that holds given text has a weight."""
    student = Student(replace_tokenizer(BytePairTokenizer(SMOLLM2_TEMPLATE)))
    lesson = with_text(make_lessons(1)[0], TEXT)
    example = RationalePrefix(share).render(lesson, student.encoder)[0]
    given, whole = beginning(TEXT, share), f"{TEXT}\nAnswer: {lesson.prompt.reference}"
    unlearnt, learnt = decoded(student, example, False), decoded(student, example, True)
    read = unlearnt.split("assistant\n")[-1]
    assert read.startswith(given)
    assert len(read) - len(given) < 12  # at most the rest of one token
    assert (read + learnt).startswith(whole)


def replace_tokenizer(tokenizer: BytePairTokenizer) -> object:
    weights = tiny_weights()
    weights.tokenizer = tokenizer
    return weights


def test_the_share_is_one_of_words() -> None:
    words = len(TEXT.split())
    assert [len(beginning(TEXT, k / words).split()) for k in range(words + 1)] == list(range(words + 1))
    assert beginning(TEXT, 1.0) == TEXT
    assert TEXT.startswith(beginning(TEXT, 0.4))


def test_a_share_above_one_is_refused(make_lessons: Make) -> None:
    with pytest.raises(ConfigError, match=r"RationalePrefix got share=1.5; allowed are numbers from 0 to 1. Correct"):
        RationalePrefix(1.5).exercises(make_lessons(1)[0])


class Elsewhere(Rendering):
    def exercises(self, lesson: Lesson) -> list[Exercise]:
        return [Exercise(lesson.prompt.messages, "12", given="3")]


def test_what_is_given_must_begin_the_answer(tiny_student: Student, make_lessons: Make) -> None:
    with pytest.raises(RenderingError, match=r"given of an answer, '3', is not how the answer '12' begins.*Correct"):
        Elsewhere().render(make_lessons(1)[0], tiny_student.encoder)
