from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.records import Message, Prompt
from teachers.annotators import ParseProblem, TaskTypeAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4")


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_a_type_is_written_as_it_stands_in_the_list() -> None:
    assert TaskTypeAnnotator().parse(completion("**Type:** Logic Puzzle."), PROMPT).answer == "logic puzzle"
    mine = TaskTypeAnnotator(types=["Sums", "Words"])
    assert mine.parse(completion("Type: sums"), PROMPT).answer == "Sums"
    assert "- Sums\n- Words\n" in mine.build(PROMPT)[-1].content


@pytest.mark.parametrize(
    ("text", "reason"),
    [("sums", 'no line "Type: ..."'), ("Type: poetry", "the type 'poetry' is not \"arithmetic\" or")],
)
def test_other_labels_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        TaskTypeAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("Type: other*\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    annotator = TaskTypeAnnotator()
    try:
        fields = annotator.parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.answer in annotator.choices


@pytest.mark.parametrize("types", [[], ["one"], ["a", "A "], ["a", ""], ["a", "b\nc"]])
def test_a_list_that_leaves_no_choice_is_refused(types: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"types of TaskTypeAnnotator is .*at least two different names"):
        TaskTypeAnnotator(types=types).check(None)


def test_the_reference_is_only_shown_where_allowed() -> None:
    assert "right answer" not in TaskTypeAnnotator().build(PROMPT)[-1].content
    assert "The right answer is 4." in TaskTypeAnnotator(show_reference=True).build(PROMPT)[-1].content
