from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message, Prompt
from teachers.annotators import DifficultyAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),))


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Easy.\nDifficulty: 1", 0.0),
        ("Hard.\nDifficulty: 10", 1.0),
        ("**Difficulty:** 4", 3 / 9),
        ("difficulty : 4/10.", 3 / 9),
        ("Difficulty: 9\nI mean\nDifficulty: **4**", 3 / 9),
        ("Difficulty: 4.0", 3 / 9),
    ],
)
def test_labels_become_values_from_0_to_1(text: str, value: float) -> None:
    assert DifficultyAnnotator().parse(completion(text), PROMPT).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Quite hard.", 'no line "Difficulty: N"'),
        ("Difficulty: 0", "the difficulty '0' is not a whole number from 1 to 10"),
        ("Difficulty: 11", "not a whole number from 1 to 10"),
        ("Difficulty: 4.5", "not a whole number"),
        ("Difficulty: three", "the difficulty 'three'"),
        ("Difficulty: 3 or 4", "not a whole number"),
    ],
)
def test_other_labels_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        DifficultyAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text(alphabet="Difficulty: 0123456789/.*\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = DifficultyAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.value is not None
    assert 0 <= fields.value <= 1
