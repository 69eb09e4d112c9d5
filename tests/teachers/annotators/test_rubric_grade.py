from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.records import Annotation, Message, Prompt, Provenance
from teachers.annotators import ParseProblem, RubricGradeAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
SOURCE = Provenance("T", "m", "x/1", "k")
RUBRIC = Annotation(
    "p", "rubric", 0, "", SOURCE,
    data={"criteria": [
        {"name": "right", "description": "The number is right.", "weight": 3},
        {"name": "steps", "description": "Carries are shown.", "weight": 1},
    ]},
)  # fmt: skip
RATIONALE = Annotation("p", "rationale", 1, "two and two", SOURCE, "4")
WORDS = """\
Grade an answer by a rubric.

Question:
What is 2+2?

Answer to grade:
two and two
Answer: 4

Rubric:
- right (weight 3): The number is right.
- steps (weight 1): Carries are shown.

Grade each criterion by itself, from 1 (not met at all) to 5 (fully met). For each, first write the reason, then the \
score. A good mark in one must not raise another.

Reply with one JSON object of exactly this form, with one entry for each criterion, and nothing else:
{
  "grades": [{
    "criterion": "right" or "steps",
    "reason": "<one sentence that points at the answer>",
    "score": <whole number from 1 to 5>
  }, ...]
}"""


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def grades(**scores: Any) -> str:
    return json.dumps({"grades": [{"criterion": c, "reason": f"why {c}", "score": s} for c, s in scores.items()]})


def test_the_answer_is_graded_by_the_rubric_of_the_run(answering: Any) -> None:
    asking, seen = answering([grades(steps=1, right=5)], prompt=PROMPT, earlier=[RUBRIC, RATIONALE])
    (found,) = asyncio.run(RubricGradeAnnotator().annotate(asking))
    assert seen[0].messages == (Message("user", WORDS),)
    assert (found.value, found.answer, found.subject) == (0.75, "0.75", "two and two\nAnswer: 4")
    assert [(g["criterion"], g["score"]) for g in found.data["grades"]] == [("right", 5), ("steps", 1)]
    assert found.data["criteria"] == RUBRIC.data["criteria"]
    assert found.data["subject"]["sample"] == 1
    assert found.text == "- right (5/5): why right\n- steps (1/5): why steps"


def test_a_criterion_left_out_is_asked_for_again(answering: Any) -> None:
    asking, seen = answering([grades(right=5), grades(right=5, steps=5)], prompt=PROMPT, earlier=[RUBRIC, RATIONALE])
    (found,) = asyncio.run(RubricGradeAnnotator().annotate(asking))
    assert (found.value, found.problem) == (1.0, None)
    assert "could not be read: at $.grades" in seen[1].messages[-1].content


def test_without_a_rubric_nothing_is_asked(answering: Any) -> None:
    asking, seen = answering([], prompt=PROMPT, earlier=[RATIONALE])
    assert asyncio.run(RubricGradeAnnotator().annotate(asking)) == [] == seen


def test_the_rubric_can_be_given() -> None:
    annotator = RubricGradeAnnotator(criteria={"short": "At most one line.", "right": "True."}, of="answer")
    fields = annotator.parse(completion(grades(right=5, short=2)), PROMPT)
    assert fields.value == pytest.approx((1 + 0.25) / 2)
    assert annotator.foresee(PROMPT) == ([], 2)
    example = annotator.example(PROMPT)
    assert example is not None
    assert "- short (weight 1): At most one line." in example.messages[0].content
    with pytest.raises(ConfigError, match="criteria of RubricGradeAnnotator is empty"):
        RubricGradeAnnotator(criteria={}).check(None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (grades(right=5), r"at \$\.grades: .* (is too short|expected at least)"),
        (grades(right=5, style=5), r"at \$\.grades\[1\]\.criterion: 'style' is not one of"),
        (grades(right=0, steps=1), r"at \$\.grades\[0\]\.score: 0 is less than the minimum of 1"),
        (
            grades(right=5, steps=1)[:-2] + ', {"criterion": "steps", "reason": "", "score": 2}]}',
            "'steps' is graded twice",
        ),
    ],
)
def test_other_grades_are_problems_with_their_place(text: str, problem: str) -> None:
    annotator = RubricGradeAnnotator(criteria={"right": "True.", "steps": "Shown."})
    with pytest.raises(ParseProblem, match=problem):
        annotator.parse(completion(text), PROMPT)


def test_a_criterion_graded_twice_does_not_stand_for_another() -> None:
    text = grades(right=5)[:-2] + ', {"criterion": "right", "reason": "", "score": 2}]}'
    with pytest.raises(ParseProblem, match=r"at \$\.grades\[1\]\.criterion: 'right' is graded twice"):
        RubricGradeAnnotator(criteria={"right": "True.", "steps": "Shown."}).parse(completion(text), PROMPT)


entry = st.fixed_dictionaries(
    {"criterion": st.sampled_from(["right", "steps", "x"]), "reason": st.text(max_size=3), "score": st.integers(0, 6)}
)


@given(st.text() | st.lists(entry, max_size=4).map(lambda found: json.dumps({"grades": found})), st.booleans())
def test_nothing_but_the_documented_error_is_raised(text: str, given_rubric: bool) -> None:
    annotator = RubricGradeAnnotator(criteria={"right": "True.", "steps": "Shown."} if given_rubric else None)
    try:
        fields = annotator.parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.value is not None
    assert 0 <= fields.value <= 1


def test_a_rubric_not_written_yet_is_foreseen_at_a_typical_length() -> None:
    annotator = RubricGradeAnnotator(repairs=0)
    assert annotator.foresee(PROMPT) == ([], 1)
    example = annotator.example(PROMPT)
    assert example is not None
    assert "criterion 4" in example.messages[0].content
