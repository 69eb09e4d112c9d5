from __future__ import annotations

import pytest

from lessons.errors import ConfigError
from students import RationaleThenAnswer, Student
from tests.students.renderings.written import lesson, note, read, spans

GIVEN = lesson(note("rationale", "Two and two.", answer="4"), note("steps", "1. add", answer="5"))
ASKED = "<|begin|><|user|>2+2?<|end|><|assistant|>"


def test_reasoning_first_and_the_answer_on_a_line_of_its_own(ascii_student: Student) -> None:
    assert spans(ascii_student, RationaleThenAnswer(), GIVEN) == [
        [(ASKED, 0.0), ("Two and two.\nAnswer: 4<|end|>", 1.0)]
    ]
    assert read(ascii_student, RationaleThenAnswer()) == ASKED


def test_any_kind_of_reasoning_comes_with_its_own_answer(ascii_student: Student) -> None:
    found = spans(ascii_student, RationaleThenAnswer(of="steps"), GIVEN)
    assert found[0][1] == ("1. add\nAnswer: 5<|end|>", 1.0)
    reference = RationaleThenAnswer("reference", of="steps")
    assert spans(ascii_student, reference, GIVEN)[0][1] == ("1. add\nAnswer: 4<|end|>", 1.0)


def test_an_answer_that_the_text_ends_with_is_said_once(ascii_student: Student) -> None:
    talk = lesson(note("dialogue", "Student: how?\nStudent: 2+2=4\nAnswer: 4", answer="4"))
    found = spans(ascii_student, RationaleThenAnswer(of="dialogue"), talk)
    assert found[0][1] == ("Student: how?\nStudent: 2+2=4\nAnswer: 4<|end|>", 1.0)


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_the_reasoning_can_count_otherwise_than_the_answer(ascii_student: Student, weight: float) -> None:
    found = spans(ascii_student, RationaleThenAnswer(rationale_weight=weight), GIVEN)[0]
    words = [("Two and two.", weight), ("\nAnswer: 4<|end|>", 1.0)]
    assert found == ([(ASKED, 0.0), *words] if weight else [(ASKED + "Two and two.", 0.0), words[1]])


def test_nothing_is_unlearnt() -> None:
    with pytest.raises(ConfigError, match=r"rationale_weight is -0.5: .*0, where it is only read, or above; 1 counts"):
        RationaleThenAnswer(rationale_weight=-0.5).exercises(GIVEN)
