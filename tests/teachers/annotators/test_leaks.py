from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message, Prompt
from teachers.annotators.leaks import copied, leak
from teachers.annotators.number_words import VALUES, spelled_quantities


def prompt(reference: str | None, question: str = "Which?", choices: tuple[str, ...] = ()) -> Prompt:
    return Prompt("p", (Message("user", question),), reference=reference, choices=choices)


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("5", "It should be 5."),
        ("5", "5"),
        ("5", "2 + 3 = 5, you see"),
        ("5", "You should get $5.00 in the end"),
        ("5", "the answer is five"),
        ("5", "- 5 is what you should find"),
        ("5 apples", "there are 5 of them"),
        ("$1,200", "That is 1200 dollars"),
        ("1200", "one thousand two hundred"),
        ("0.5", "it comes to 1/2"),
        ("0.5", r"it is \frac{1}{2}"),
        ("50%", "that gives one half"),
        ("0.5", "that is 50%"),
        ("25", "You need twenty-five of them"),
        ("-3", "x is -3"),
        ("x = 7", "check 7 in the equation"),
        ("They sell 3 and 4.\n#### 42", "so 42"),
        ("Answer: 42", "so 42"),
        ("New York", "Think of new  york."),
        ("New York", "Think of 'New-York'"),
        ("The cat sat", "why, the cat sat!"),
        ("yes", "The answer is yes"),
        ("true", "so the result is **true**"),
        ("x^2 + 1", "you should find x^2+1"),
        ("(3, 4)", "the point (3,4)"),
        ("C", "Take option C"),
        ("C", "it is (C)"),
    ],
)
def test_an_answer_given_away_is_found(reference: str, text: str) -> None:
    assert leak(text, prompt(reference)) is not None


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("5", "15 is too much, and so are 5.2 and 1.5"),
        ("5", "Step 5 is wrong; steps 3, 4 and 5 follow from it"),
        ("5", "4. Add.\n5. Subtract the rest.\n(5) Look again."),
        ("5", "the 5th line, and x^5 and 5x"),
        ("5", "Add 5 + 2 first, then 3 * 5, then 10/2, then 12-5"),
        ("5", "the five sides of the figure"),
        ("2", "Add the two numbers, not one"),
        ("0.5", "take half of it, or a third"),
        ("1/2", "1/20"),
        ("1200", "1,200,000"),
        ("New York", "New Jersey or York"),
        ("art", "start with the smart part"),
        ("yes", "Yes, you began well"),
        ("no", "there is no need to"),
        ("x^2+1", "it is x^2+10, or 3x^2+1"),
        ("(3, 4)", "3, 4"),
        ("A", "A student would say so"),
        ("B", "Let B be the base"),
        ("", "anything"),
    ],
)
def test_what_only_looks_like_the_answer_is_none(reference: str, text: str) -> None:
    assert leak(text, prompt(reference)) is None


def test_without_a_reference_nothing_can_be_given_away() -> None:
    assert leak("The answer is 5.", prompt(None)) is None


def test_what_the_question_shows_counts_only_where_it_is_stated_as_the_answer() -> None:
    asked = prompt("5", "Tom has 5 apples and takes 2 away twice, then finds 4. How many?")
    assert leak("Begin with the 5 apples.", asked) is None
    assert leak("The answer is 5.", asked) == "it says 'The answer is 5.'"
    named = prompt("Paris", "Is Paris or London the capital of France?")
    assert leak("Where do Paris and London lie?", named) is None
    assert leak("The answer is Paris.", named) is not None


CITIES = ("London", "Paris", "Rome")


@pytest.mark.parametrize("text", ["(B)", "B) fits", "Choose option B.", "Think of Paris!", "The answer is B"])
def test_an_option_is_given_away_by_its_letter_and_by_its_words(text: str) -> None:
    for reference in ("B", "Paris"):
        assert leak(text, prompt(reference, "Capital of France?", CITIES)) is not None


@pytest.mark.parametrize("text", ["You chose (A): wrong.", "London, Paris and Rome are far apart.", "A: B plan"])
def test_other_options_and_all_of_them_give_nothing_away(text: str) -> None:
    assert leak(text, prompt("B", "Capital of France?", CITIES)) is None


def test_options_that_are_numbers_are_compared_as_numbers() -> None:
    asked = prompt("B", "2+2?", ("3", "4", "14"))
    assert leak("14 is too much", asked) is None
    assert leak("it is 4.0", asked) is not None


def test_long_texts_are_read_from_beginning_to_end() -> None:
    padding = "word " * 10_000
    for text in (f"It is 77. {padding}", f"{padding} It is 77. {padding}", f"{padding} It is 77."):
        assert leak(text, prompt("77")) is not None
    assert leak("7" * 50_000, prompt("7")) is None


@given(st.text(), st.text(), st.lists(st.text(), max_size=4))
def test_no_text_and_no_reference_breaks_it(text: str, reference: str, choices: list[str]) -> None:
    found = leak(text, prompt(reference, text[::-1], tuple(choices)))
    assert found is None or found.startswith("it says ")


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9), st.sampled_from(["", "Look here. ", "Step 1: "]))
def test_the_stated_number_leaks_and_no_other(wanted: int, other: int, start: str) -> None:
    asked = prompt(str(wanted))
    assert leak(f"{start}The answer is {wanted}.", asked) is not None
    assert (leak(f"{start}The answer is {other}.", asked) is not None) == (other == wanted)


@given(st.sampled_from(sorted(VALUES)), st.sampled_from(sorted(VALUES)))
def test_words_are_read_as_the_numbers_they_are(first: str, second: str) -> None:
    tens, unit = VALUES[first], VALUES[second]
    found = [q.value for q in spelled_quantities(f"{first}-{second}")]
    joins = tens >= 20 and 0 < unit < 10
    assert found == ([Fraction(tens + unit)] if joins else [Fraction(tens), Fraction(unit)])


def test_copied_text_is_found_by_its_run_of_words() -> None:
    secret = "Multiply the price by the number of boxes, then take the discount away."
    assert copied("First multiply the price by the number of boxes, then stop", secret) is not None
    assert copied("Multiply the price by the number you see", secret) is None
    assert copied("", secret) is None
