from __future__ import annotations

import pytest

from lessons.records import Annotation, Message, Prompt, Provenance
from teachers.annotators.secrecy import kept_secret, told, unaware

PROMPT = Prompt("p", (Message("user", "17+25=?"),), reference="42")


def annotation(text: str, saw: bool = True, problem: str | None = None) -> Annotation:
    source = Provenance("t", "m", "rationale/1", "k")
    return Annotation("p", "rationale", 0, text, source, saw_reference=saw, problem=problem)


@pytest.mark.parametrize(
    "text",
    [
        "This agrees with the given answer.",
        "The answer is given as 42, so we work towards it.",
        "I was told that the answer is 42.",
        "We've been given the right answer, 42.",
        "You said the correct answer is 42.",
        "Knowing the answer, we can check.",
        "Working backwards from the answer, 42 - 25 = 17.",
        "Rounded to match the\nexpected answer.",
    ],
)
def test_a_text_that_lets_show_that_it_was_told_is_found(text: str) -> None:
    assert told(text)
    assert "lets show that the answer was given" in str(unaware(annotation(text)).problem)


@pytest.mark.parametrize(
    "text",
    [
        "We are given 17 and 25.",
        "The correct answer is 42.",
        "The ones give 12, so carry 1. The answer is 42.",
        "As the question says, both are whole numbers, so the answer is whole.",
        "You gave 25 to your friend. Now you have 17.",
    ],
)
def test_ordinary_solutions_are_not_suspected(text: str) -> None:
    assert told(text) is None


def test_only_who_saw_the_reference_can_have_been_told() -> None:
    text = "This agrees with the given answer."
    assert unaware(annotation(text, saw=False)).problem is None
    assert unaware(annotation(text, problem="cut off")).problem == "cut off"


def test_a_secret_is_kept_or_the_text_is_not_trusted() -> None:
    assert kept_secret(annotation("Add the ones first."), PROMPT).trusted
    assert str(kept_secret(annotation("It is 42."), PROMPT).problem).startswith("gives the answer away: ")
    assert kept_secret(annotation("It is 42.", problem="cut off"), PROMPT).problem == "cut off"
