from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.graders import ChoiceGrader, ExactGrader, Grader, JSONGrader, MathGrader, NumberGrader, PatternGrader
from lessons.records import Message, Prompt

GRADERS: list[tuple[Grader, str]] = [
    (ExactGrader(), "Paris"),
    (NumberGrader(), "3/4"),
    (ChoiceGrader(), "B"),
    (PatternGrader(r"#### (.*)"), "7"),
    (MathGrader(), "\\frac{x}{2}"),
    (JSONGrader(), '{"a": [1, {"b": null}]}'),
]
PIECES = st.sampled_from(
    ["Answer: ", "\n", "####", "$", "\\frac{", "}", "{", "[", "(", ")", "1,234", "1e99", "3/0", "^", "**", "B)", ".",
     "\u00bd", "%", "\\boxed{", "```json\n", "```", '"', ":", ",", "-", "NaN", "\\sqrt", "!", "x", "=", "\x00"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=25).map("".join))


def prompt(reference: str | None) -> Prompt:
    return Prompt("p1", (Message("user", "?"),), reference, ("London", "Paris", "Rome"))


@pytest.mark.parametrize(("grader", "reference"), GRADERS, ids=lambda value: type(value).__name__)
@settings(max_examples=150)
@given(text=TEXTS)
def test_no_text_makes_a_grader_raise(grader: Grader, reference: str, text: str) -> None:
    grade = grader.grade(text, prompt(reference))
    assert 0 <= grade.score <= 1
    assert grade.correct == (grade.score == 1.0)
    assert grade.correct == (grade.reason is None)
    assert grade.grader == grader.name
    assert grade == grader.grade(text, prompt(reference))


@pytest.mark.parametrize(("grader", "reference"), GRADERS, ids=lambda value: type(value).__name__)
def test_the_empty_answer_is_wrong(grader: Grader, reference: str) -> None:
    assert not grader.grade("", prompt(reference)).correct


@pytest.mark.parametrize(("grader", "reference"), GRADERS, ids=lambda value: type(value).__name__)
def test_the_name_holds_the_version(grader: Grader, reference: str) -> None:
    assert grader.name == f"{type(grader).__name__.removesuffix('Grader').lower()}/1"


@pytest.mark.parametrize("grader", [grader for grader, _ in GRADERS], ids=lambda value: type(value).__name__)
def test_a_prompt_without_reference_cannot_be_graded(grader: Grader) -> None:
    with pytest.raises(
        DataError, match=r"cannot grade the prompt 'p1': it has no reference answer .*columns.reference"
    ):
        grader.grade("7", prompt(None))
