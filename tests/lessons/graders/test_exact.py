from __future__ import annotations

import pytest

from lessons.graders.exact import ExactGrader
from lessons.records import Message, Prompt

PARIS = Prompt("p", (Message("user", "?"),), "Paris  City")


@pytest.mark.parametrize("text", ["paris city", " Paris\nCity.", "It is the capital.\nAnswer: Paris City"])
def test_right(text: str) -> None:
    assert ExactGrader().grade(text, PARIS).correct


@pytest.mark.parametrize("text", ["It is Paris City", "Paris", "Paris-City"])
def test_wrong(text: str) -> None:
    grade = ExactGrader().grade(text, PARIS)
    assert not grade.correct
    assert grade.reason == "the reference is 'Paris  City'"


def test_case_can_matter() -> None:
    assert not ExactGrader(ignore_case=False).grade("paris city", PARIS).correct
