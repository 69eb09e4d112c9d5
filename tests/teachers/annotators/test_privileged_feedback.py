from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError, DataError
from lessons.graders import NumberGrader
from lessons.records import Annotation, Attempt, Message, Prompt, Provenance
from lessons.tables import write_attempts
from teachers.annotators import ParseProblem, PrivilegedFeedbackAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4", metadata={"tests": "f(2) must be equal to 4"})
GOOD = "It should be 4, so the sum is off.\nFeedback: Count the second pair again.\nThen look at your last line."
LEAKY = "Private.\n**Feedback:** You should have got 4."


def wrong(answer: str = "5") -> Annotation:
    source = Provenance("t", "m", "rationale/1", "k")
    return Annotation("p", "rationale", 0, "I add.", source, answer=answer, grade=NumberGrader().grade(answer, PROMPT))


def feedback(answering: Any, replies: list[str], prompt: Prompt = PROMPT, **settings: Any) -> Any:
    asking, seen = answering(replies, prompt, [wrong("4"), wrong("5")], NumberGrader())
    return asyncio.run(PrivilegedFeedbackAnnotator(**settings).annotate(asking)), seen


def test_only_what_the_student_may_read_is_the_text(answering: Any) -> None:
    (found,), seen = feedback(answering, [GOOD])
    assert "1. I add.\n2. Answer: 5" in seen[0].messages[-1].content
    assert "The right answer: 4" in seen[0].messages[-1].content
    assert (found.text, found.subject) == (
        "Count the second pair again.\nThen look at your last line.",
        "I add.\nAnswer: 5",
    )
    assert (found.trusted, found.saw_reference) == (True, True)
    assert found.data["private"] == "It should be 4, so the sum is off."
    assert found.data["subject"] == {"kind": "rationale", "sample": 0, "author": "m", "correct": False}


def test_what_gives_the_answer_away_is_asked_for_again_and_both_calls_are_counted(answering: Any) -> None:
    (found,), seen = feedback(answering, [LEAKY, GOOD])
    assert found.trusted
    assert [request.sample for request in seen] == [0, 1]
    assert [request.sampling.temperature for request in seen] == [0.0, 0.8]
    assert found.provenance.cost_dollars == 0.5


def test_what_gives_the_answer_away_in_the_end_is_kept_with_its_problem(answering: Any) -> None:
    (found,), seen = feedback(answering, [LEAKY, LEAKY])
    assert len(seen) == 2
    assert found.problem == "gives the answer away: it says 'You should have got 4.'"


def test_privileged_text_of_the_metadata_is_shown_and_must_not_be_copied(answering: Any) -> None:
    prompt = replace(PROMPT, reference=None, metadata={"tests": "first sort the list and then drop every second item"})
    copying = "Feedback: first sort the list and then drop every other one"
    asking, seen = answering([copying], prompt, [wrong("5")], None)
    annotator = PrivilegedFeedbackAnnotator(privileged="tests", max_asks=1)
    (found,) = asyncio.run(annotator.annotate(asking))
    assert "drop every second item" in seen[0].messages[-1].content
    assert found.problem == "gives the answer away: it copies 'first sort the list and then drop every'"
    assert found.saw_reference


def test_a_teacher_who_knows_no_more_is_refused_before_it_is_paid(answering: Any) -> None:
    with pytest.raises(DataError, match=r"'p' has no reference \(got None\) and no metadata None.*know more.*columns"):
        feedback(answering, [], replace(PROMPT, reference=None))


def test_failed_attempts_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "attempts.parquet"
    grades = [NumberGrader().grade(answer, PROMPT) for answer in ("4", "5")]
    write_attempts(path, [Attempt("p", "s", f"Answer: {g.answer}", grade=g) for g in grades])
    sure, most = PrivilegedFeedbackAnnotator(attempts=str(path), max_texts=5).foresee(PROMPT)
    assert ("Answer: 5" in sure[0].messages[-1].content, len(sure), most) == (True, 1, 4)


@pytest.mark.parametrize("settings", [{"max_asks": 0}, {"max_asks": 2, "fresh_temperature": 0.0}])
def test_asking_never_or_for_the_same_again_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"max_asks is .* Set fresh_temperature above 0"):
        PrivilegedFeedbackAnnotator(**settings).check(None)


@given(st.text() | st.text(alphabet="Feedback:\n *x"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = PrivilegedFeedbackAnnotator().parse(Completion(text, "stop", 1, 1, "m"), PROMPT)
    except ParseProblem:
        return
    assert fields.text
