from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message, Prompt
from teachers.annotators import BloomAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4")


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


@pytest.mark.parametrize(
    ("text", "level", "name", "value"),
    [("Known.\nLevel: 1", 1, "remember", 0.0), ("**Level:** 3", 3, "apply", 0.4), ("Level: 6/6.", 6, "create", 1.0)],
)
def test_levels_have_a_name_and_a_value(text: str, level: int, name: str, value: float) -> None:
    fields = BloomAnnotator().parse(completion(text), PROMPT)
    assert (fields.data, fields.answer) == ({"level": level, "name": name}, name)
    assert fields.value == pytest.approx(value)


@pytest.mark.parametrize("text", ["apply", "Level: apply", "Level: 0", "Level: 7", "Level: 2 or 3"])
def test_other_labels_are_problems_with_a_reason(text: str) -> None:
    with pytest.raises(ParseProblem, match=r'no line "Level: ..."|not a whole number from 1 to 6'):
        BloomAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("Level: 0123456789/*\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = BloomAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert 1 <= fields.data["level"] <= 6


def test_the_reference_is_only_shown_where_allowed() -> None:
    assert "right answer" not in BloomAnnotator().build(PROMPT)[-1].content
    assert "The right answer is 4." in BloomAnnotator(show_reference=True).build(PROMPT)[-1].content
