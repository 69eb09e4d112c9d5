from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.graders import NumberGrader
from lessons.records import Annotation, Attempt, Message, Prompt, Provenance
from lessons.tables import write_attempts
from teachers.annotators import ParseProblem, StepVerdictsAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4")
WRONG = Annotation(
    "p", "rationale", 0, "Take 2.\nAdd 2 and get 5.", Provenance("t", "m", "rationale/1", "k"), answer="5"
)


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_verdicts_become_data() -> None:
    fields = StepVerdictsAnnotator().parse(completion("Step 1: correct\n\n**Step 2:** Incorrect.\n3. correct"), PROMPT)
    assert fields.data == {"verdicts": [True, False, True], "first_wrong": 2}
    assert (fields.answer, fields.value) == ("incorrect", pytest.approx(2 / 3))
    fields = StepVerdictsAnnotator().parse(completion("Step 1: correct"), PROMPT)
    assert (fields.data["first_wrong"], fields.answer, fields.value) == (None, "correct", 1.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no verdicts"),
        ("All are fine.", "the line 'All are fine.' is not of the form"),
        ("Step 2: correct", "step 2 where step 1 is due"),
        ("Step 1: not correct", "step 1 is 'not correct', neither"),
        ("Step 1: correct\nStep 1: correct", "step 1 where step 2 is due"),
    ],
)
def test_other_forms_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        StepVerdictsAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("Step 12: incorrect\n*.") | st.integers(0, 3).map(lambda k: "Step 1: correct\n" * k))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = StepVerdictsAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert (fields.data["first_wrong"] is None) == all(fields.data["verdicts"])


def test_every_step_and_the_answer_line_are_judged_and_the_whole_is_graded(answering: Any) -> None:
    texts = ["Step 1: correct\nStep 2: incorrect\nStep 3: incorrect"]
    asking, seen = answering(texts, PROMPT, earlier=[WRONG], grader=NumberGrader())
    (found,) = asyncio.run(StepVerdictsAnnotator().annotate(asking))
    assert "1. Take 2.\n2. Add 2 and get 5.\n3. Answer: 5" in seen[0].messages[-1].content
    assert found.data["steps"] == ["Take 2.", "Add 2 and get 5.", "Answer: 5"]
    assert found.data["subject"]["kind"] == "rationale"
    assert (found.answer, found.trusted, found.subject) == ("incorrect", True, "Take 2.\nAdd 2 and get 5.\nAnswer: 5")


def test_a_whole_that_is_misjudged_is_not_trusted(answering: Any) -> None:
    texts = ["Step 1: correct\nStep 2: correct\nStep 3: correct"]
    asking, _ = answering(texts, PROMPT, earlier=[WRONG], grader=NumberGrader())
    (found,) = asyncio.run(StepVerdictsAnnotator().annotate(asking))
    assert found.grade is not None
    assert (found.trusted, found.grade.reason) == (False, "the solution is incorrect")


def test_another_number_of_verdicts_is_sent_back(answering: Any) -> None:
    asking, seen = answering(
        ["Step 1: correct", "Step 1: correct\nStep 2: incorrect\nStep 3: correct"], PROMPT, [WRONG]
    )
    (found,) = asyncio.run(StepVerdictsAnnotator().annotate(asking))
    assert "1 verdicts on 3 steps" in seen[1].messages[-1].content
    assert found.data["first_wrong"] == 2


def test_attempts_of_a_file_are_judged(tmp_path: Path, answering: Any) -> None:
    path = tmp_path / "attempts.parquet"
    write_attempts(path, [Attempt("p", "s", "1. Add.\n2. It is 4.")])
    annotator = StepVerdictsAnnotator(attempts=str(path))
    assert len(annotator.foresee(PROMPT)[0]) == 1
    asking, _ = answering(["Step 1: correct\nStep 2: correct"], PROMPT)
    (found,) = asyncio.run(annotator.annotate(asking))
    assert found.data["steps"] == ["Add.", "It is 4."]


def test_the_reference_is_only_shown_where_allowed() -> None:
    hidden = StepVerdictsAnnotator().subject_request(PROMPT, "Add.", 0).messages[-1].content
    shown = StepVerdictsAnnotator(show_reference=True).subject_request(PROMPT, "Add.", 0).messages[-1].content
    assert "right answer" not in hidden
    assert "The right answer is 4." in shown
    assert "Reply with 1 line, one for each step" in hidden
