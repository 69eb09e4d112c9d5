from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.annotators import ParseProblem
from teachers.annotators.sections import sections


@pytest.mark.parametrize(
    "text",
    [
        "First: one\nSecond: two\nlines",
        "**First:** one\n\n## Second: two\nlines",
        "first : one\n**SECOND**: two\nlines",
    ],
)
def test_sections_are_read_emphasised_or_not(text: str) -> None:
    assert sections(text, "First", "Second") == ["one", "two\nlines"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("First: one", 'no "Second: ..."'),
        ("First: one\nSecond: two\nFirst: three", '2 sections "First: ..." where there must be one'),
        ("Second: two\nFirst: one", "do not stand in the order First, Second"),
        ("Well.\nFirst: one\nSecond: two", "there is text before \"First:\": 'Well.'"),
        ("First:\nSecond: two", 'nothing follows "First:"'),
        ("The First: one\nSecond: two", 'no "First: ..."'),
    ],
)
def test_other_texts_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        sections(text, "First", "Second")


@given(st.text("First: Secod*#\n") | st.text())
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        bodies = sections(text, "First", "Second")
    except ParseProblem:
        return
    assert len(bodies) == 2
    assert all(bodies)
