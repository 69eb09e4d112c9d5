from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message, Prompt
from teachers.annotators import ParseProblem, QualityAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
WORDS = """\
A student learns from examples: a question, and an answer to imitate. Judge whether this example deserves to be \
learned from. What counts is the answer's clarity.

Question:
What is 2+2?

Answer:
four

Name what is good and what is wrong in one to three sentences. Then end with one last line of exactly this form, where \
N is a whole number: 1 (harmful to learn from), 2 (mostly poor), 3 (usable with flaws), 4 (good), 5 (without a flaw):
Quality: N"""


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_the_shipped_template_in_full() -> None:
    request = QualityAnnotator(dimension="clarity").subject_request(PROMPT, "four", 0)
    assert request.messages == (Message("user", WORDS),)


@pytest.mark.parametrize(("text", "value"), [("Quality: 1", 0.0), ("Good.\nQuality: 4", 0.75), ("Quality: 5/5", 1.0)])
def test_ratings_become_values_from_0_to_1(text: str, value: float) -> None:
    assert QualityAnnotator().parse(completion(text), PROMPT).value == value


@pytest.mark.parametrize("text", ["Good.", "Quality: high", "Quality: 0", "Quality: 6", "Quality: 3/10"])
def test_other_ratings_are_problems(text: str) -> None:
    with pytest.raises(ParseProblem, match=r"[Qq]uality"):
        QualityAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text(alphabet="Quality: 0123456789/.*\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = QualityAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.value in (0, 0.25, 0.5, 0.75, 1)


def test_the_answers_that_the_data_came_with_can_be_rated(answering: Any) -> None:
    asking, seen = answering(["Bare.\nQuality: 3"], prompt=PROMPT)
    annotator = QualityAnnotator(of="reference")
    (found,) = asyncio.run(annotator.annotate(asking))
    assert (found.subject, found.value, found.data["subject"]["kind"]) == ("4", 0.5, "reference")
    assert annotator.foresee(PROMPT) == (seen, 2)
    assert annotator.foresee(replace(PROMPT, reference=None)) == ([], 0)
