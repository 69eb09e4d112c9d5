from __future__ import annotations

import pytest

from lessons.errors import ConfigError, RenderingError
from students import AnswerOnly, RationaleThenAnswer, Reflection, Student
from tests.students.renderings.written import lesson, note, read, spans

SOLVED = note("rationale", "Two and two.", answer="4")
THOUGHT = note("reflection", "Alternative: count.\n\nFollow-up: 3+3?", answer="4")
ASKED = "<|begin|><|user|>2+2?<|end|><|assistant|>"


def test_the_student_learns_to_go_on_after_its_answer(ascii_student: Student) -> None:
    rendering = Reflection()
    assert spans(ascii_student, rendering, lesson(SOLVED, THOUGHT)) == [
        [
            (ASKED, 0.0),
            ("Two and two.\nAnswer: 4\n\nReflection:\nAlternative: count.\n\nFollow-up: 3+3?<|end|>", 1.0),
        ]
    ]
    assert read(ascii_student, rendering) == read(ascii_student, RationaleThenAnswer()) == ASKED
    assert rendering.stop_text == "\n\nReflection:"


def test_the_weights_of_the_solution_stay(ascii_student: Student) -> None:
    rendering = Reflection(RationaleThenAnswer(rationale_weight=0.25))
    ((_, why, rest),) = spans(ascii_student, rendering, lesson(SOLVED, THOUGHT))
    assert why == ("Two and two.", 0.25)
    assert (rest[0].startswith("\nAnswer: 4\n\nReflection:\n"), rest[1]) == (True, 1.0)


def test_a_lesson_without_a_reflection_is_refused_unless_they_are_optional() -> None:
    with pytest.raises(RenderingError, match=r"has no reflection, which Reflection trains on; it has rationale"):
        Reflection().exercises(lesson(SOLVED))
    assert Reflection(AnswerOnly(), optional=True).exercises(lesson(SOLVED)) == AnswerOnly().exercises(lesson(SOLVED))


def test_a_separator_that_separates_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"separator='\\n'.*any text that solutions do not hold. Correct `separator`"):
        Reflection(separator="\n").exercises(lesson(SOLVED, THOUGHT))
