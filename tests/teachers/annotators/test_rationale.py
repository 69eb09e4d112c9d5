from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.graders import NumberGrader
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


SUM = Prompt("p", (Message("user", "2+2?"),), reference="4")


def test_samples_are_asked_at_once_and_only_the_missing_ones_again(answering: Any) -> None:
    asking, seen = answering(
        ["a\nAnswer: 4", "b\nAnswer: 5", "c\nAnswer: 4", "d\nAnswer: 4"], SUM, grader=NumberGrader()
    )
    found = asyncio.run(RationaleAnnotator(samples=3).annotate(asking))
    assert [(a.sample, a.trusted) for a in found] == [(0, True), (1, False), (2, True), (3, True)]
    assert [request.sample for request in seen] == [0, 1, 2, 3]


def test_repetitions_do_not_count_where_distinct_ones_are_wanted(answering: Any) -> None:
    texts = ["2+2=4\nAnswer: 4", "So 2 + 2 = 4.\nAnswer: 4", "2*2=4\nAnswer: 4", "never asked"]
    asking, _ = answering(texts, SUM, grader=NumberGrader())
    found = asyncio.run(RationaleAnnotator(samples=2, distinct=True).annotate(asking))
    assert [a.trusted for a in found] == [True, False, True]
    assert (found[1].problem, found[1].data["repeats"]) == ("says the same as sample 0", 0)


def test_a_hint_with_the_answer_comes_after_the_last_failure_only(answering: Any) -> None:
    texts = ["x\nAnswer: 5", "y\nAnswer: 6", "2+2=4\nAnswer: 4"]
    asking, seen = answering(texts, SUM, grader=NumberGrader())
    annotator = RationaleAnnotator(max_asks=2, answer_hint=True)
    found = asyncio.run(annotator.annotate(asking))
    assert [(a.sample, a.trusted, a.saw_reference) for a in found] == [
        (0, False, False), (1, False, False), (2, True, True),
    ]  # fmt: skip
    shown = ["The right answer is 4." in request.messages[-1].content for request in seen]
    assert shown == [False, False, True]
    assert annotator.foresee(SUM)[1] == 3
    asking, seen = answering(["x\nAnswer: 5", "y\nAnswer: 4"], SUM, grader=NumberGrader())
    assert len(asyncio.run(annotator.annotate(asking))) == 2


@pytest.mark.parametrize(
    ("hinted", "problem"),
    [("2+2=5\nAnswer: 5", None), ("To match the given answer.\nAnswer: 4", "lets show that the answer was given")],
)
def test_a_hinted_rationale_must_pass_the_grader_and_not_say_that_it_was_told(
    answering: Any, hinted: str, problem: str | None
) -> None:
    asking, _ = answering(["x\nAnswer: 5", hinted], SUM, grader=NumberGrader())
    *_, last = asyncio.run(RationaleAnnotator(max_asks=1, answer_hint=True).annotate(asking))
    assert not last.trusted
    assert (problem or "None") in str(last.problem)


def test_an_unreadable_rationale_can_be_repaired(answering: Any) -> None:
    asking, seen = answering(["It is 4.", "2+2=4\nAnswer: 4"], SUM, grader=NumberGrader())
    (found,) = asyncio.run(RationaleAnnotator(repairs=1).annotate(asking))
    assert found.trusted
    assert 'no line starts with "Answer:"' in seen[1].messages[-1].content


@pytest.mark.parametrize("settings", [{"verify": False}, {"show_reference": True}])
def test_a_hint_needs_what_tells_failures(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"answer_hint asks again when no answer is right.*leave answer_hint out"):
        RationaleAnnotator(answer_hint=True, **settings).check(NumberGrader())
    with pytest.raises(ConfigError, match="the run has no grader"):
        RationaleAnnotator(answer_hint=True).check(None)


def test_a_template_that_never_shows_the_reference_is_refused_where_it_should(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("name: mine/1\n[user]\n{{ question }} without reference\nAnswer: x")
    for settings in ({"answer_hint": True}, {"show_reference": True}):
        with pytest.raises(ConfigError, match=r"is set, but the template .*mine.txt never uses 'reference'"):
            RationaleAnnotator(template=str(path), **settings).check(NumberGrader())
