from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.annotators import ParseProblem
from teachers.annotators.critiques import VERDICTS, chosen, read_critique, step_number
from teachers.annotators.subjects import Subject

WORK = "I add 2 and 2.\nThat is 5.\nAnswer: 5"


@pytest.mark.parametrize(
    ("text", "explanation", "verdict", "data"),
    [
        ("All is well.\nVerdict: correct", "All is well.", "correct", {}),
        (
            "Off by one.\nFirst wrong step: 2\nCorrected answer: 4\nVerdict: incorrect",
            "Off by one.",
            "incorrect",
            {"first_wrong_step": 2, "corrected_answer": "4"},
        ),
        (
            "Off.\nCorrected answer: 4.\n**First wrong step:** step 2: the sum\n**Verdict: incorrect**",
            "Off.",
            "incorrect",
            {"first_wrong_step": 2, "corrected_answer": "4"},
        ),
        (
            'Off.\nFirst wrong step: "that is 5"\nVerdict: incorrect.',
            "Off.",
            "incorrect",
            {"first_wrong_step": 2},
        ),
        (
            "Off.\nFirst wrong step: 2 + 2 = 6\nVerdict: incorrect",
            "Off.",
            "incorrect",
            {"first_wrong_step": "2 + 2 = 6"},
        ),
        (
            "No answer.\nFirst wrong step: none\nCorrected answer: None\nVERDICT: Incorrect",
            "No answer.",
            "incorrect",
            {},
        ),
        ("Good.\nFirst wrong step: none\nCorrected answer: 5\nVerdict: correct", "Good.", "correct", {}),
        ("Verdict: correct\nNo, wait.\nVerdict: incorrect", "Verdict: correct\nNo, wait.", "incorrect", {}),
    ],
)
def test_golden_critiques(text: str, explanation: str, verdict: str, data: dict[str, Any]) -> None:
    fields = read_critique(text, WORK)
    assert (fields.text, fields.answer, fields.data) == (explanation, verdict, data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Fine.", 'no line "Verdict'),
        ("Verdict: maybe", "the verdict 'maybe' is not"),
        ("First wrong step: 2\nVerdict: correct", "the verdict is \"correct\", but the first wrong step is '2'"),
        ("First wrong step: 4\nVerdict: incorrect", "no step 4: the work has 3"),
        ("First wrong step: 0\nVerdict: incorrect", "no step 0"),
    ],
)
def test_other_critiques_are_problems(text: str, message: str) -> None:
    with pytest.raises(ParseProblem, match=message):
        read_critique(text, WORK)


PIECES = ["First wrong step: ", "Verdict: ", "incorrect", "correct", "2", "\n", "Corrected answer:", "none", "**"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join), st.none() | st.text())
def test_nothing_but_the_documented_error_is_raised(text: str, attempt: str | None) -> None:
    try:
        fields = read_critique(text, attempt)
    except ParseProblem:
        return
    assert fields.answer in VERDICTS
    assert fields.data.get("first_wrong_step") != 0


def test_a_quoted_step_is_found_only_where_it_is_one() -> None:
    assert step_number("That is 5.", ["That is 5.", "and that is 5."]) is None
    assert step_number("so we say that is 5 now", ["a b", "that is 5"]) == 2
    assert step_number("", ["", "x"]) is None


def test_ungraded_attempts_count_as_right() -> None:
    wrong, right, unknown = (Subject(str(mark), "rationale", 0, "m", mark) for mark in (False, True, None))
    assert chosen([wrong, right, unknown], "wrong") == [wrong]
    assert chosen([wrong, right, unknown], "right") == [right, unknown]
    assert len(chosen([wrong, right, unknown], "all")) == 3
