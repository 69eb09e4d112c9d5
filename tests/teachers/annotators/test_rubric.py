from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.records import Annotation, Message, Prompt, Provenance
from lessons.tables import write_prompts
from teachers.annotators import ParseProblem, RubricAnnotator
from teachers.annotators.rubric import Criterion, criteria_of
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), topic="sums")
CRITERIA = [
    {"name": "right sum", "description": "The number is right.", "weight": 5},
    {"name": "steps", "description": "Carries are shown.", "weight": 2},
]
GOOD = json.dumps({"criteria": CRITERIA})
FORM = """\
{
  "criteria": [{
    "name": "<two or three words>",
    "description": "<what a good answer does, in one sentence>",
    "weight": <whole number from 1 to 5>
  }, ...]
}"""
REST = f"""\
Name at most 5 criteria. Each must be something that can be checked by reading an answer, none may repeat another, and \
what matters most comes first with the greatest weight. Do not solve the task.

Reply with one JSON object of exactly this form and nothing else:
{FORM}"""


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_the_shipped_template_for_a_type() -> None:
    request = RubricAnnotator().rubric_request(PROMPT, "sums")
    start = 'Students are given tasks of the type "sums". By what would an expert tell a good answer to such a task '
    assert request.messages == (Message("user", f"{start}from a bad one? {REST}"),)
    assert request.schema == RubricAnnotator().schema


def test_the_shipped_template_for_one_prompt() -> None:
    request = RubricAnnotator().rubric_request(PROMPT, None)
    start = "Here is a task for a student:\n\nWhat is 2+2?\n\nBy what would an expert tell a good answer to this task "
    assert request.messages == (Message("user", f"{start}from a bad one? {REST}"),)


def test_examples_of_a_type_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "prompts.parquet"
    write_prompts(path, [Prompt(f"q{k}", (Message("user", f"{k}+1?"),), topic="sums") for k in range(5)])
    annotator = RubricAnnotator(examples=str(path), examples_per_type=2)
    (message,) = annotator.rubric_request(PROMPT, "sums").messages
    assert 'of the type "sums". Some of them:\n\n0+1?\n\n1+1?\n\nBy what would' in message.content
    assert "Some of them" not in annotator.rubric_request(PROMPT, "fractions").messages[0].content


def test_prompts_of_one_type_make_the_very_same_request(answering: Any) -> None:
    other = Prompt("q", (Message("system", "Be kind."), Message("user", "3+3?")), topic="sums")
    annotator = RubricAnnotator()
    assert annotator.rubric_request(PROMPT, "sums").messages == annotator.rubric_request(other, "sums").messages
    asking, seen = answering([GOOD], prompt=other)
    (found,) = asyncio.run(annotator.annotate(asking))
    assert (found.prompt_id, found.answer, found.data["type"]) == ("q", "sums", "sums")
    assert annotator.foresee(other) == (seen, 2)


def test_an_earlier_annotation_names_the_type(answering: Any) -> None:
    source = Provenance("T", "m", "task_type/1", "k")
    earlier = [
        Annotation("p", "task_type", 0, "", source, "bad", problem="unreadable"),
        Annotation("p", "task_type", 1, "because", source, "mental arithmetic"),
    ]
    asking, seen = answering([GOOD], prompt=PROMPT, earlier=earlier)
    (found,) = asyncio.run(RubricAnnotator().annotate(asking))
    assert found.data["type"] == "mental arithmetic"
    assert '"mental arithmetic"' in seen[0].messages[0].content


def test_without_a_type_the_rubric_is_the_prompts_own(answering: Any) -> None:
    asking, seen = answering([GOOD], prompt=Prompt("p", PROMPT.messages))
    (found,) = asyncio.run(RubricAnnotator().annotate(asking))
    assert (found.answer, found.data["type"]) == (None, None)
    assert "What is 2+2?" in seen[0].messages[0].content


def test_the_criteria_are_typed_and_in_words() -> None:
    fields = RubricAnnotator().parse(completion(f"```json\n{GOOD}\n```"), PROMPT)
    assert fields.text == "- right sum (weight 5): The number is right.\n- steps (weight 2): Carries are shown."
    assert fields.data == {"criteria": CRITERIA}
    rubric = Annotation("p", "rubric", 0, "", Provenance("T", "m", "x/1", "k"), data=fields.data)
    assert criteria_of(rubric)[1] == Criterion("steps", "Carries are shown.", 2)


@pytest.mark.parametrize(
    ("criteria", "problem"),
    [
        ([], r"at \$\.criteria: \[\] (is too short|should be non-empty)"),
        (CRITERIA * 3, r"at \$\.criteria: .*(is too long|expected at most)"),
        ([CRITERIA[0], {**CRITERIA[1], "name": "Right Sum"}], r"at \$\.criteria\[1\]\.name: 'Right Sum' comes twice"),
        ([{**CRITERIA[0], "name": " "}], r"at \$\.criteria\[0\]: the name or the description is empty"),
        ([{**CRITERIA[0], "weight": 9}], r"at \$\.criteria\[0\]\.weight: 9 is greater"),
    ],
)
def test_other_rubrics_are_problems_with_their_place(criteria: Any, problem: str) -> None:
    with pytest.raises(ParseProblem, match=problem):
        RubricAnnotator().parse(completion(json.dumps({"criteria": criteria})), PROMPT)


criterion = st.fixed_dictionaries(
    {"name": st.text(max_size=3) | st.integers(), "description": st.text(max_size=3), "weight": st.integers(-1, 7)}
)


@given(st.text() | st.lists(criterion, max_size=6).map(lambda found: json.dumps({"criteria": found})))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = RubricAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert 1 <= len(fields.data["criteria"]) <= 5


def test_a_rubric_needs_a_criterion() -> None:
    with pytest.raises(ConfigError, match="max_criteria of RubricAnnotator is 0; a rubric has at least 1"):
        RubricAnnotator(max_criteria=0).check(None)
