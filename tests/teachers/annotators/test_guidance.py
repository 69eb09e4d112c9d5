from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message, Prompt
from teachers.annotators import GuidanceAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "17+25=?"),), reference="42")
GOOD = "Understanding: Two numbers are added.\nPlan:\n1. Add the ones and carry.\n2. Add the tens."


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_understanding_and_plan_are_data() -> None:
    fields = GuidanceAnnotator().parse(completion(GOOD.replace("Plan:", "**Plan:**")), PROMPT)
    assert fields.text == GOOD
    assert fields.data == {
        "understanding": "Two numbers are added.",
        "plan": ["Add the ones and carry.", "Add the tens."],
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Plan:\n1. Add.", 'no "Understanding: ..."'),
        ("Understanding: Two numbers.\nPlan: add them", "no numbered list"),
        ("Sure.\n" + GOOD, "there is text before"),
    ],
)
def test_other_forms_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        GuidanceAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("Plan: 12.\nUderstig").map(lambda text: f"Understanding: x\nPlan:\n{text}"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = GuidanceAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.data["understanding"]
    assert fields.data["plan"]


def test_guidance_that_states_the_answer_is_kept_and_not_trusted_and_not_sent_back(answering: Any) -> None:
    asking, seen = answering([GOOD + "\n3. You get 42.", "never asked"], PROMPT)
    (found,) = asyncio.run(GuidanceAnnotator().annotate(asking))
    assert found.problem is not None
    assert found.problem.startswith("gives the answer away: ")
    assert found.data["plan"][-1] == "You get 42."
    assert len(seen) == 1


def test_the_reference_is_only_shown_where_allowed_and_then_marked(answering: Any) -> None:
    assert "42" not in GuidanceAnnotator().build(PROMPT)[-1].content
    asking, seen = answering([GOOD], PROMPT)
    (found,) = asyncio.run(GuidanceAnnotator(show_reference=True).annotate(asking))
    assert "The right answer is 42." in seen[0].messages[-1].content
    assert found.saw_reference
    assert found.trusted
