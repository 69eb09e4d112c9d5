from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.annotators import ParseProblem
from teachers.annotators.labels import choice_label, last_label, number_label


@pytest.mark.parametrize(
    ("text", "before", "label"),
    [
        ("Well.\nScore: 4", "Well.", "4"),
        ("Score: 2\nNo.\n**Score:** 4.", "Score: 2\nNo.", "4"),
        ("**Score: 4**", "", "4"),
        ("a\r\n### score : a_b  \r\nthanks", "a", "a_b"),
        ("> Score: `x`", "", "x"),
    ],
)
def test_the_last_line_counts_without_its_emphasis(text: str, before: str, label: str) -> None:
    assert last_label(text, "Score") == (before, label)


@pytest.mark.parametrize("text", ["", "4", "The score: 4", "Scores: 4", "Score 4"])
def test_no_such_line_is_a_problem(text: str) -> None:
    with pytest.raises(ParseProblem, match=r'no line "Score: \.\.\."'):
        last_label(text, "Score")


@pytest.mark.parametrize("text", ["Score:", "**Score:**", "Score: ."])
def test_an_empty_label_is_a_problem(text: str) -> None:
    with pytest.raises(ParseProblem, match='nothing follows "Score:"'):
        last_label(text, "Score")


@pytest.mark.parametrize("label", ["4", "4.0", "4/5", "4 out of 5", "**4**", "4."])
def test_whole_numbers_are_read_as_they_are_written(label: str) -> None:
    assert number_label(f"Score: {label}", "Score", 1, 5) == ("", 4)


@pytest.mark.parametrize("label", ["0", "6", "4.5", "four", "3 or 4", "4/10", "-4", "4" * 5_000])
def test_other_numbers_are_problems(label: str) -> None:
    with pytest.raises(ParseProblem, match=r"the score '.{1,40}' is not a whole number from 1 to 5"):
        number_label(f"Score: {label}", "Score", 1, 5)


def test_a_choice_is_one_of_those_offered() -> None:
    assert choice_label("Better: b", "Better", ("A", "B", "tie")) == ("", "B")
    with pytest.raises(ParseProblem, match='the better \'both\' is not "A" or "B"'):
        choice_label("Better: both", "Better", ("A", "B"))


@given(st.text() | st.text(alphabet="Score: 0123456789/.*_\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        _, number = number_label(text, "Score", 1, 5)
    except ParseProblem:
        return
    assert 1 <= number <= 5
