from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message, Prompt
from teachers.annotators import GradeLevelAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4")


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


@pytest.mark.parametrize(
    ("text", "grade", "university", "value"),
    [("Early.\nGrade: 1", 1, False, 0.0), ("**Grade**: 7", 7, False, 0.5), ("grade: 13.", 13, True, 1.0)],
)
def test_grades_become_values(text: str, grade: int, university: bool, value: float) -> None:
    fields = GradeLevelAnnotator().parse(completion(text), PROMPT)
    assert (fields.data, fields.value) == ({"grade": grade, "university": university}, value)


@pytest.mark.parametrize("text", ["seventh", "Grade: seven", "Grade: 0", "Grade: 14", "Grade: 7-8"])
def test_other_labels_are_problems_with_a_reason(text: str) -> None:
    with pytest.raises(ParseProblem, match=r'no line "Grade: ..."|not a whole number from 1 to 13'):
        GradeLevelAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("Grade: 0123456789/*\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = GradeLevelAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.value is not None
    assert 0 <= fields.value <= 1


def test_the_reference_is_only_shown_where_allowed() -> None:
    assert "right answer" not in GradeLevelAnnotator().build(PROMPT)[-1].content
    assert "The right answer is 4." in GradeLevelAnnotator(show_reference=True).build(PROMPT)[-1].content
