from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.lesson_set import LessonSet
from lessons.records import Grade, Lesson, Prompt
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, annotation_to_row, prompt_to_row
from students import Generation, Student, sit
from students.signals import RollOuts, roll_outs

SAMPLING = Generation(max_new_tokens=3, temperature=1.0)


class LowDigits(Grader):
    """Marks right what holds a digit below 5: what random weights sometimes write."""

    name = "low-digits/1"

    def grade(self, text: str, prompt: Prompt) -> Grade:
        right = any(c in "01234" for c in text)
        return Grade(right, float(right), text, self.name)


@pytest.fixture
def lessons(make_lessons: Callable[[int], list[Lesson]]) -> LessonSet:
    found = make_lessons(6)
    return LessonSet.join(
        pa.Table.from_pylist([prompt_to_row(lesson.prompt) for lesson in found], PROMPT_SCHEMA),
        pa.Table.from_pylist([annotation_to_row(a) for lesson in found for a in lesson.annotations], ANNOTATION_SCHEMA),
    )


def test_the_tries_are_those_of_an_exam_and_are_made_once(
    tiny_student: Student, lessons: LessonSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    grader = LowDigits()
    exams = []

    def counted(*arguments, **settings):
        exams.append(arguments)
        return sit(*arguments, **settings)

    monkeypatch.setattr(roll_outs, "sit", counted)
    rate = RollOuts(tiny_student, grader, "pass_rate", 4, SAMPLING).measure(lessons)
    tries = RollOuts(tiny_student, grader, "tries", 4, SAMPLING).measure(lessons)
    assert len(exams) == 1
    attempts = sit(tiny_student, [lesson.prompt for lesson in lessons], grader, SAMPLING, samples=4)
    right = np.array([a.grade is not None and a.grade.correct for a in attempts]).reshape(6, 4)
    assert rate.values.tolist() == right.mean(axis=1).tolist()
    assert 0 < right.mean() < 1
    assert tries.values.tolist() == [4.0] * 6
    assert rate.provenance["fingerprint"] == tiny_student.fingerprint


def test_many_greedy_tries_are_refused(tiny_student: Student, lessons: LessonSet) -> None:
    with pytest.raises(ConfigError, match=r"samples=4 at temperature 0; allowed are several.*generation.temperature"):
        RollOuts(tiny_student, LowDigits(), generation=Generation()).compute(lessons)
