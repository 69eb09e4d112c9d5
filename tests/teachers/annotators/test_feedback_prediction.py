from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.graders import NumberGrader
from lessons.records import Attempt, Message, Prompt
from lessons.tables import write_attempts
from teachers.annotators import FeedbackPredictionAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")


@pytest.fixture
def attempts(tmp_path: Path) -> str:
    grades = [NumberGrader().grade(answer, PROMPT) for answer in ("4", "5")]
    write_attempts(tmp_path / "a.parquet", [Attempt("p", "s", f"Answer: {g.answer}", grade=g) for g in grades])
    return str(tmp_path / "a.parquet")


def test_the_teacher_sees_the_answer_and_its_verdicts_are_graded(attempts: str, answering: Any) -> None:
    asking, seen = answering(
        lambda request: "You are one off: it is 4.\nVerdict: incorrect", PROMPT, [], NumberGrader()
    )
    annotator = FeedbackPredictionAnnotator(attempts=attempts, max_texts=5)
    right, wrong = asyncio.run(annotator.annotate(asking))
    assert "The learner answered:\n\nAnswer: 5\n\nThe right answer: 4\n" in seen[1].messages[-1].content
    assert (right.trusted, wrong.trusted) == (False, True)
    assert (wrong.text, wrong.answer, wrong.subject) == ("You are one off: it is 4.", "incorrect", "Answer: 5")
    assert wrong.saw_reference
    assert wrong.data == {"subject": {"kind": "attempt", "sample": 0, "author": "s", "correct": False}}


@pytest.mark.parametrize(("which", "count"), [("all", 2), ("wrong", 1), ("right", 1)])
def test_which_attempts_get_feedback(which: Any, count: int, attempts: str) -> None:
    annotator = FeedbackPredictionAnnotator(attempts=attempts, which=which, max_texts=5)
    assert len(annotator.foresee(PROMPT)[0]) == count


@pytest.mark.parametrize("text", ["Fine.", "Verdict: correct", "Fine.\nVerdict: so so"])
def test_other_replies_are_problems(text: str) -> None:
    with pytest.raises(ParseProblem, match=r"[Vv]erdict"):
        FeedbackPredictionAnnotator().parse(Completion(text, "stop", 1, 1, "m"), PROMPT)


@given(st.text() | st.text(alphabet="Verdict: incorrect\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = FeedbackPredictionAnnotator().parse(Completion(text, "stop", 1, 1, "m"), PROMPT)
    except ParseProblem:
        return
    assert fields.text
