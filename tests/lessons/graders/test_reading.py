from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.graders.reading import folded, quantities


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("42.", "42"),
        ("1,234,567.50", "2469135/2"),
        ("1\u202f000 and 1'000", "1000 1000"),
        ("3,5", "3 5"),
        ("$5, -$5, $-5, €7, \u22123", "5 -5 -5 7 -3"),
        ("10-4 = 10 - 4 = 6", "10 4 10 4 6"),
        ("x=-4", "-4"),
        ("3/4, 1 3/4, 3/0", "3/4 7/4"),
        ("\\frac{3}{4} \\boxed{42} $1{,}234$", "3/4 42 1234"),
        ("1e3, 1.2\u00d710^5, 2 \\times 10^{-2}", "1000 120000 1/50"),
        ("12 cm^2 of x2 in v1.2.3", "12"),
        ("..5", ""),
        ("9" * 400, ""),
    ],
)
def test_numbers_of_a_text(text: str, values: str) -> None:
    assert " ".join(str(quantity.value) for quantity in quantities(text)) == values


def test_percent_signs_are_seen() -> None:
    assert [quantity.percent for quantity in quantities("5%, 5 %, 5 percent, 5\\% but 5 people")] == [True] * 4 + [
        False
    ]


@given(st.decimals(-(10**12), 10**12, places=3), st.sampled_from(["{}", "{} apples.", "so = {}", "it is ${}", "({})"]))
def test_a_written_decimal_is_read_exactly(value: Decimal, form: str) -> None:
    for written in (f"{value:f}", f"{value:,f}"):
        assert [quantity.value for quantity in quantities(form.format(written))] == [Fraction(value)]


def test_folding() -> None:
    assert folded(" A\n b ") == "a b"
    assert folded(" A\n b ", ignore_case=False) == "A b"
