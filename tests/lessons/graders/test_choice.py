from __future__ import annotations

import pytest

from lessons.errors import DataError
from lessons.graders.choice import ChoiceGrader
from lessons.records import Message, Prompt

CITIES = ("London", "Paris", "New York", "New York City")


def prompt(reference: str = "B", choices: tuple[str, ...] = CITIES) -> Prompt:
    return Prompt("p", (Message("user", "?"),), reference, choices)


@pytest.mark.parametrize(
    "text",
    ["B", "b.", "(b)", "B) Paris", "B: paris.", "Paris", "**B**", "Answer: B", "The answer is (B).", "I say Paris.",
     "Not sure, but option B fits", "We can rule out [others]; (B)"],
)  # fmt: skip
def test_right(text: str) -> None:
    assert ChoiceGrader().grade(text, prompt()).answer == "B"
    assert ChoiceGrader().grade(text, prompt("Paris")).correct
    assert not ChoiceGrader().grade(text, prompt("A")).correct


@pytest.mark.parametrize("text", ["", "A or B", "(A) or (B)", "B) London", "Paris or London", "E", "A cat", "Berlin"])
def test_an_answer_that_names_no_single_option_is_wrong(text: str) -> None:
    grade = ChoiceGrader().grade(text, prompt())
    assert (grade.correct, grade.answer) == (False, None)


def test_the_longer_of_two_nested_options_is_meant() -> None:
    assert ChoiceGrader().grade("It must be New York City!", prompt()).answer == "D"
    assert ChoiceGrader().grade("It must be New York!", prompt()).answer == "C"


def test_words_come_before_letters() -> None:
    assert ChoiceGrader().grade("a", prompt("B", ("b", "a"))).answer == "B"


def test_a_prompt_without_choices() -> None:
    with pytest.raises(DataError, match=r"'p': it has 0 choices, and needs 2 to 26.*columns.choices"):
        ChoiceGrader().grade("B", prompt(choices=()))


def test_a_reference_that_is_no_option() -> None:
    with pytest.raises(
        DataError, match=r"reference is '1', which is not a letter up to D or one of .*reference_is: index"
    ):
        ChoiceGrader().grade("B", prompt("1"))
