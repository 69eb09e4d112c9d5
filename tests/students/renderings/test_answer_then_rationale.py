from __future__ import annotations

import pytest

from lessons.errors import ConfigError
from students import AnswerThenRationale, Student
from tests.students.renderings.written import lesson, note, read, spans

ASKED = "<|begin|><|user|>2+2?<|end|><|assistant|>"


def test_the_answer_comes_first_and_the_reason_is_learnt_too(ascii_student: Student) -> None:
    given = lesson(note("rationale", "Two and two.", answer="4"))
    rendering = AnswerThenRationale()
    assert spans(ascii_student, rendering, given) == [[(ASKED, 0.0), ("4\n\nBecause: Two and two.<|end|>", 1.0)]]
    assert read(ascii_student, rendering) == ASKED
    assert rendering.stop_text == "\n\nBecause:"


def test_any_kind_explains_and_the_reference_can_be_the_answer(ascii_student: Student) -> None:
    given = lesson(note("steps", "1. add", answer="5"))
    rendering = AnswerThenRationale(" // ", answer_from="reference", of="steps")
    assert spans(ascii_student, rendering, given)[0][1] == ("4 // 1. add<|end|>", 1.0)


def test_a_separator_that_separates_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"separator=' '.*any text that answers do not hold. Correct `separator`"):
        AnswerThenRationale(" ").exercises(lesson(note("rationale", "Two.", answer="4")))


def test_the_answer_can_count_more_than_the_reason(ascii_student: Student) -> None:
    given = lesson(note("rationale", "Two and two.", answer="4"))
    assert spans(ascii_student, AnswerThenRationale(answer_weight=3.0), given)[0][1:] == [
        ("4\n\nBecause:", 3.0),
        (" Two and two.<|end|>", 1.0),
    ]
    with pytest.raises(
        ConfigError, match=r"answer_weight is -1: a token would be unlearnt. Allowed is 0.*Correct `answer_"
    ):
        AnswerThenRationale(answer_weight=-1).exercises(given)
