from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.graders import NumberGrader
from lessons.records import Message, Prompt
from teachers.annotators import ParseProblem, StepsAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4")


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_steps_become_data_and_a_plain_list() -> None:
    fields = StepsAnnotator().parse(completion("Step 1: Take 2.\n**Step 2:** Add 2.\nAnswer: 4"), PROMPT)
    assert fields.data == {"steps": ["Take 2.", "Add 2."]}
    assert (fields.text, fields.answer) == ("1. Take 2.\n2. Add 2.", "4")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1. Take 2.\n2. Add 2.", 'no line "Answer: ..."'),
        ("Take 2.\nAnswer: 4", "no numbered list"),
        ("Let us see.\n1. Take 2.\nAnswer: 4", "text before the numbered list: 'Let us see.'"),
    ],
)
def test_other_forms_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        StepsAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("Step 12.:\nAnswer"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = StepsAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert all(fields.data["steps"])


def test_the_reference_is_only_shown_where_allowed() -> None:
    assert "right answer" not in StepsAnnotator().build(PROMPT)[-1].content
    assert "The right answer is 4." in StepsAnnotator(show_reference=True).build(PROMPT)[-1].content


def test_the_answer_is_graded(answering: Any) -> None:
    asking, _ = answering(["1. Take 2.\n2. Add 2.\nAnswer: 4"], PROMPT, grader=NumberGrader())
    (found,) = asyncio.run(StepsAnnotator().annotate(asking))
    assert found.grade is not None
    assert found.trusted
