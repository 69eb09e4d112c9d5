from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message, Prompt
from teachers.annotators import ParseProblem, RationaleAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4", choices=("3", "4"))


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


@pytest.mark.parametrize(
    ("text", "rationale", "answer"),
    [
        ("Two and two.\nAnswer: 4", "Two and two.", "4"),
        ("Two.\n**Answer:** 4.", "Two.", "4"),
        ("Answer: 3\nNo, wait.\nAnswer: 4", "Answer: 3\nNo, wait.", "4"),
        ("Answer: 4", "", "4"),
    ],
)
def test_the_answer_is_split_off(text: str, rationale: str, answer: str) -> None:
    fields = RationaleAnnotator().parse(completion(text), PROMPT)
    assert (fields.text, fields.answer) == (rationale, answer)


@pytest.mark.parametrize("text", ["It is 4.", "", "Answer:", "The Answer: is 4"])
def test_no_answer_is_a_problem(text: str) -> None:
    with pytest.raises(ParseProblem, match="Answer:"):
        RationaleAnnotator().parse(completion(text), PROMPT)


@given(st.text())
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = RationaleAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.answer


def test_the_reference_is_shown_only_when_asked_for() -> None:
    hidden = RationaleAnnotator().build(PROMPT)[-1].content
    shown = RationaleAnnotator(show_reference=True).build(PROMPT)[-1].content
    assert "right answer" not in hidden
    assert "The right answer is 4." in shown
    assert "(A) 3\n(B) 4" in hidden


def test_fresh_samples_differ_from_the_first() -> None:
    annotator = RationaleAnnotator(samples=2, seed=5)
    first, second = annotator.foresee(PROMPT)[0]
    assert (first.sampling.temperature, first.seed) == (0.0, 5)
    assert (second.sampling.temperature, second.seed) == (0.8, 6)
    assert annotator.foresee(PROMPT)[1] == 4
