from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.graders import NumberGrader
from lessons.records import Message, Prompt
from teachers.annotators import AnswerAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4", choices=("3", "4"))


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_the_answer_is_text_and_answer() -> None:
    fields = AnswerAnnotator().parse(completion(" **Answer:** 4.\n"), PROMPT)
    assert (fields.text, fields.answer) == ("4", "4")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("4", 'no line "Answer: ..."'),
        ("Answer:", 'no line "Answer: ..."'),
        ("Two and two.\nAnswer: 4", "text before the line \"Answer: ...\": 'Two and two.'"),
    ],
)
def test_more_or_less_than_the_answer_is_a_problem(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        AnswerAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("Answer: 4\n*"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = AnswerAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.answer


def test_reasoning_is_not_asked_for_and_the_reference_only_shown_where_allowed() -> None:
    hidden = AnswerAnnotator().build(PROMPT)[-1].content
    assert "Do not explain anything" in hidden
    assert "(A) 3\n(B) 4" in hidden
    assert "right answer" not in hidden
    assert "The right answer is 4." in AnswerAnnotator(show_reference=True).build(PROMPT)[-1].content


def test_answers_are_graded(answering: Any) -> None:
    prompt = Prompt("p", (Message("user", "2+2?"),), reference="4")
    asking, _ = answering(["Answer: 5"], prompt, grader=NumberGrader())
    (wrong,) = asyncio.run(AnswerAnnotator().annotate(asking))
    assert (wrong.answer, wrong.trusted) == ("5", False)
    asking, _ = answering(["Answer: 5"], prompt, grader=NumberGrader())
    (unmarked,) = asyncio.run(AnswerAnnotator(verify=False).annotate(asking))
    assert unmarked.grade is None
