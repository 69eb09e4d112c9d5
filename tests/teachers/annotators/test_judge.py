from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Annotation, Message, Prompt, Provenance
from teachers.annotators import JudgeAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "Which is even?"),), reference="4", choices=("3", "4"))
WORDS = """\
Judge an answer to a question.

Question:
Which is even?

Options:
(A) 3
(B) 4

Answer to judge:
B, as 4 = 2 * 2

Work out first what a right answer must contain. Then check this answer against it: is it right, complete and clear? \
Length is no merit. Write your reasons in a few sentences.

End with one last line of exactly this form, where N is a whole number from 1 (useless or wrong) to 10 (right, \
complete and clear):
Score: N"""


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_the_shipped_template_in_full() -> None:
    (message,) = JudgeAnnotator().build(PROMPT, attempt="B, as 4 = 2 * 2")
    assert message.content == WORDS


def test_the_reference_is_shown_only_when_asked_for() -> None:
    (message,) = JudgeAnnotator(show_reference=True).build(PROMPT, attempt="B")
    assert "The right answer is 4. Use it to check" in message.content


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [("Right.\nScore: 10", "10", 1.0), ("Wrong.\n**Score:** 1/10", "1", 0.0), ("score: 4.", "4", 3 / 9)],
)
def test_marks_become_values_from_0_to_1(text: str, mark: str, value: float) -> None:
    fields = JudgeAnnotator().parse(completion(text), PROMPT)
    assert fields.answer == mark
    assert fields.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("Good.", 'no line "Score'), ("Score: 11", "the score '11' is not a whole number from 1 to 10")],
)
def test_other_marks_are_problems(text: str, problem: str) -> None:
    with pytest.raises(ParseProblem, match=problem):
        JudgeAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text(alphabet="Score: 0123456789/.*\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = JudgeAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.value is not None
    assert 0 <= fields.value <= 1


def test_a_judgement_names_what_it_judged(answering: Any) -> None:
    source = Provenance("T", "writer", "rationale/1", "k")
    asking, _ = answering(
        ["Fine.", "Fine.\nScore: 10"], prompt=PROMPT, earlier=[Annotation("p", "rationale", 2, "even", source, "B")]
    )
    (found,) = asyncio.run(JudgeAnnotator().annotate(asking))
    assert (found.kind, found.subject, found.text, found.value) == ("judgement", "even\nAnswer: B", "Fine.", 1.0)
    assert found.data == {"subject": {"kind": "rationale", "sample": 2, "author": "writer", "correct": None}}
    assert found.provenance.cost_dollars == 0.5
