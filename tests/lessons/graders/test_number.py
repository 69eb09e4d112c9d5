from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.graders.number import NumberGrader
from lessons.records import Message, Prompt


def right(text: str, reference: str, tolerance: float = 1e-6) -> bool:
    return NumberGrader(tolerance).grade(text, Prompt("p", (Message("user", "?"),), reference)).correct


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("42", "42.0"),
        ("1,234 dollars", "1234"),
        ("$1,234.50.", "1234.5"),
        ("0.75", "3/4"),
        ("Answer: 3/4 cup", "0.75"),
        ("50%", "0.5"),
        ("50%", "50"),
        ("50%", "50%"),
        ("0.5", "50%"),
        ("He had 3 and got 4, which makes 7 apples.", "7"),
        ("3 + 4 is 8?\nAnswer: 7 apples", "7"),
        ("Answer: 3 + 4 = 7", "7"),
        ("Answer: 7 (3 red and 4 green)", "7"),
        ("Answer: (7)", "7"),
        ("Answer: 7\nLet me know if you have 2 more questions!", "7"),
        ("Answer: 12 cm^2", "12"),
        ("0.3333333", "1/3"),
    ],
)
def test_right(text: str, reference: str) -> None:
    assert right(text, reference)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("7 is not it, 8 is", "7"),
        ("it is 7\nAnswer: 8", "7"),
        ("it is 7\nAnswer: none", "7"),
        ("-7", "7"),
        ("5%", "0.5"),
        ("0.5%", "50%"),
        ("100000000000000001", "100000000000000000"),
        ("12345679", "12345678"),
        ("0.333", "1/3"),
        ("seven", "7"),
    ],
)
def test_wrong(text: str, reference: str) -> None:
    assert not right(text, reference)


@given(st.integers(), st.integers())
def test_whole_numbers_are_right_only_when_equal(given_number: int, reference: int) -> None:
    if len(str(max(abs(given_number), abs(reference)))) < 250:
        assert right(f"Answer: {given_number:,}", str(reference)) == (given_number == reference)


def test_the_tolerance_is_absolute() -> None:
    assert right("9.9", "10", tolerance=0.11)
    assert not right("9.9", "10", tolerance=0.09)


def test_the_grade_says_what_was_read() -> None:
    grade = NumberGrader().grade("so 1,235 apples", Prompt("p", (Message("user", "?"),), "1234"))
    assert (grade.answer, grade.reason) == ("1,235", "the reference is 1234")


def test_a_reference_without_a_number() -> None:
    with pytest.raises(DataError, match=r"'p': its reference is 'Paris', which is not a number. Choose another grader"):
        right("7", "Paris")


@given(st.integers(-(10**20), 10**20), st.integers(-2, 2), st.sampled_from([1e-6, 0.0, 1.0]))
def test_whole_numbers_are_marked_the_short_way_as_the_long_way(value: int, off: int, tolerance: float) -> None:
    grader = NumberGrader(tolerance)
    short = grader.grade(str(value + off), Prompt("p", (Message("user", "?"),), str(value)))
    long = grader.grade(f"Answer: {value + off}", Prompt("p", (Message("user", "?"),), f" {value} "))
    assert short == long
    assert short.correct == (abs(off) <= tolerance)
