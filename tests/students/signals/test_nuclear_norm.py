from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
import torch

from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lessons.records import Lesson
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, annotation_to_row, prompt_to_row
from students import RationaleThenAnswer, Student, TwoTask
from students.scoring import Scoring
from students.signals import NuclearNorm

Make = Callable[[int], list[Lesson]]


def lesson_set(lessons: list[Lesson]) -> LessonSet:
    prompts = [prompt_to_row(lesson.prompt) for lesson in lessons]
    written = [annotation_to_row(a) for lesson in lessons for a in lesson.annotations]
    return LessonSet.join(
        pa.Table.from_pylist(prompts, PROMPT_SCHEMA), pa.Table.from_pylist(written, ANNOTATION_SCHEMA)
    )


def by_hand(student: Student, ids: list[int], of: str) -> float:
    """The sum of the square roots of the eigenvalues of H H^T, in float64."""
    read = student.model.model(input_ids=torch.tensor([ids])).last_hidden_state
    if of == "embeddings":
        read = student.model.get_input_embeddings()(torch.tensor([ids]))
    h = read[0].detach().double().numpy()
    return float(np.sqrt(np.clip(np.linalg.eigvalsh(h.T @ h), 0, None)).sum())


@pytest.mark.parametrize("of", ["states", "embeddings"])
@pytest.mark.parametrize("per_token", [False, True])
def test_the_norm_is_that_of_question_and_answer_read_together(
    tiny_student: Student, make_lessons: Make, of: Literal["states", "embeddings"], per_token: bool
) -> None:
    lessons = make_lessons(4)
    signal = NuclearNorm(tiny_student, RationaleThenAnswer(), of, per_token, scoring=Scoring(tokens_per_batch=150))
    found = signal.compute(lesson_set([*lessons[:3], replace(lessons[3], annotations=())])).values
    for lesson, value in zip(lessons[:3], found[:3], strict=True):
        exercise = RationaleThenAnswer().exercises(lesson)[0]
        ids = tiny_student.encoder.encode([(exercise.messages, exercise.answer)])[0]
        whole = ids.prompt_ids + ids.completion_ids
        expected = by_hand(tiny_student, whole, of) / (len(whole) if per_token else 1)
        assert value == pytest.approx(expected, rel=1e-4)
    assert np.isnan(found[3])


def test_the_norms_of_several_exercises_add_up_and_long_lessons_miss_theirs(
    tiny_student: Student, make_lessons: Make
) -> None:
    lessons = lesson_set(make_lessons(1))
    exercises = TwoTask().exercises(lessons[0])
    read = [tiny_student.encoder.encode([(e.messages, e.answer)])[0] for e in exercises]
    expected = sum(by_hand(tiny_student, ids.prompt_ids + ids.completion_ids, "states") for ids in read)
    assert NuclearNorm(tiny_student, TwoTask()).values(lessons)[0] == pytest.approx(expected, rel=1e-4)
    assert np.isnan(NuclearNorm(tiny_student, TwoTask(), scoring=Scoring(max_tokens=5)).values(lessons)[0])


def test_unknown_representations_are_refused(tiny_student: Student, make_lessons: Make) -> None:
    with pytest.raises(ConfigError, match=r"NuclearNorm got of='logits'; allowed are 'states' and 'embeddings'"):
        NuclearNorm(tiny_student, TwoTask(), of="logits").values(lesson_set(make_lessons(1)))  # type: ignore[arg-type]
