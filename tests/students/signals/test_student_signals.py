from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest

from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet
from lessons.records import Lesson, Message
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, annotation_to_row, prompt_to_row
from students import CharacterTokenizer, RandomWeights, RationaleThenAnswer, Student, TwoTask
from students.scoring import Likelihoods, Pair, score
from students.signals import ErrorNorm, InstructionDifficulty, Loss, LossDrop, ReversedInstructionDifficulty

Make = Callable[[int], list[Lesson]]
Norm = Literal["none", "before", "after"]


def lesson_set(lessons: Iterable[Lesson]) -> LessonSet:
    prompts = [prompt_to_row(lesson.prompt) for lesson in lessons]
    written = [annotation_to_row(a) for lesson in lessons for a in lesson.annotations]
    return LessonSet.join(
        pa.Table.from_pylist(prompts, PROMPT_SCHEMA), pa.Table.from_pylist(written, ANNOTATION_SCHEMA)
    )


@pytest.fixture
def lessons(make_lessons: Make) -> LessonSet:
    bare = replace(make_lessons(4)[3], annotations=())
    return lesson_set([*make_lessons(3), bare])


def scored(student: Student, lessons: LessonSet, alone: bool = False) -> Likelihoods:
    exercises = [RationaleThenAnswer().exercises(lesson)[0] for lesson in lessons if lesson.annotations]
    return score(student, [Pair(e.messages, e.answer, alone) for e in exercises])


@pytest.mark.parametrize(
    ("form", "reference"),
    [
        ("mean", lambda mean, total: mean),
        ("sum", lambda mean, total: total),
        ("perplexity", lambda mean, total: math.exp(mean)),
        ("confidence", lambda mean, total: 1 / mean),
    ],
)
def test_loss_in_its_forms(tiny_student: Student, lessons: LessonSet, form, reference) -> None:
    column = Loss(tiny_student, RationaleThenAnswer(), form).measure(lessons)
    found = scored(tiny_student, lessons)
    expected = [reference(m, t) for m, t in zip(found.mean_nll, found.nll, strict=True)]
    assert column.values[:3].tolist() == pytest.approx(expected, rel=1e-6)
    assert np.isnan(column.values[3])
    assert column.provenance["fingerprint"] == tiny_student.fingerprint
    assert column.provenance["signal"]["class_path"].endswith("Loss")


def test_the_loss_of_several_exercises_is_taken_over_all_their_tokens(
    tiny_student: Student, lessons: LessonSet
) -> None:
    column = Loss(tiny_student, TwoTask()).compute(lessons)
    exercises = [e for lesson in list(lessons)[:1] for e in TwoTask().exercises(lesson)]
    assert len(exercises) == 2
    found = score(tiny_student, [Pair(e.messages, e.answer) for e in exercises])
    assert column.values[0] == pytest.approx(found.nll.sum() / found.tokens.sum(), rel=1e-6)


def test_error_norm_is_the_mean_distance_to_the_text(tiny_student: Student, lessons: LessonSet) -> None:
    values = ErrorNorm(tiny_student, RationaleThenAnswer()).compute(lessons).values
    assert values[:3].tolist() == pytest.approx(scored(tiny_student, lessons).mean_error.tolist(), rel=1e-6)
    assert (values[:3] < math.sqrt(2)).all()


def test_ifd_is_the_loss_with_the_question_over_the_loss_without(tiny_student: Student, lessons: LessonSet) -> None:
    values = InstructionDifficulty(tiny_student, RationaleThenAnswer()).compute(lessons).values
    expected = scored(tiny_student, lessons).mean_nll / scored(tiny_student, lessons, alone=True).mean_nll
    assert values[:3].tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    assert np.isnan(values[3])


def test_reversed_ifd_scores_the_question_behind_the_answer(tiny_student: Student, lessons: LessonSet) -> None:
    wide = wide_student()
    values = ReversedInstructionDifficulty(wide, RationaleThenAnswer()).compute(lessons).values
    exercise = RationaleThenAnswer().exercises(lessons[0])[0]
    asked = (Message("user", f"Here is an answer. Which question was asked?\n\n{exercise.answer}"),)
    question = exercise.messages[-1].content
    pair = score(wide, [Pair(asked, question), Pair(asked, question, alone=True)])
    assert values[0] == pytest.approx(pair.mean_nll[0] / pair.mean_nll[1], rel=1e-6)


def wide_student(seed: int = 0) -> Student:
    letters = CharacterTokenizer("".join(chr(k) for k in range(32, 127)) + "\n")
    return Student(RandomWeights(16, layers=2, heads=2, max_positions=512, tokenizer=letters, seed=seed))


@pytest.mark.parametrize("norm", ["none", "before", "after"])
def test_the_drop_of_the_loss_between_two_students(lessons: LessonSet, norm: Norm) -> None:
    before, after = wide_student(), wide_student(seed=1)
    values = LossDrop(before, after, RationaleThenAnswer(), norm).compute(lessons).values
    first, second = scored(before, lessons).mean_nll, scored(after, lessons).mean_nll
    divisor = {"none": 1.0, "before": first, "after": second}[norm]
    assert values[:3].tolist() == pytest.approx(((first - second) / divisor).tolist(), rel=1e-5)


def test_lessons_without_what_is_taught_are_an_error_only_if_all_are(tiny_student: Student, make_lessons: Make) -> None:
    bare = [replace(lesson, annotations=()) for lesson in make_lessons(2)]
    with pytest.raises(DataError, match=r"None of the 2 lessons has what RationaleThenAnswer teaches.*'p0'"):
        Loss(tiny_student, RationaleThenAnswer()).compute(lesson_set(bare))


def test_unknown_settings_are_refused(tiny_student: Student, lessons: LessonSet) -> None:
    with pytest.raises(ConfigError, match="Loss got form 'median'; allowed are 'mean', 'sum'"):
        Loss(tiny_student, RationaleThenAnswer(), "median").compute(lessons)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="LossDrop got norm 'max'; allowed are 'none', 'before'"):
        LossDrop(tiny_student, tiny_student, RationaleThenAnswer(), "max").compute(lessons)  # type: ignore[arg-type]
