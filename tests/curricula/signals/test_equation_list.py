from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula import Category, EquationList, OnePer, measure
from curricula.pool import Pool
from curricula.signals.equation_list import equations_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sam has 2 + 3 = 5 apples.", ["2+3=5"]),
        ("(4 - 1) * 2 = 6; then 6 / 3 = 2.0", ["(4-1)*2=6", "6/3=2.0"]),
        ("50% of $30 is 0.5*30=15", ["0.5*30=15"]),
        ("x = y, and a <= 3", []),
        ("no numbers", []),
    ],
)
def test_equations_are_found(text: str, expected: list[str]) -> None:
    assert equations_in(text) == expected


def test_the_same_way_has_the_same_number(written: Callable) -> None:
    lessons = written(["q"] * 5, ["So 2 + 3 = 5.", "2+3=5", "3 + 2 = 5", "words", None])
    values = EquationList().measure(lessons).values
    assert values[0] == values[1] != values[2] != values[3]
    assert np.isnan(values[4])


def test_one_solution_of_each_way_is_kept(written: Callable) -> None:
    lessons = written(["q"] * 3, ["2+3=5", "2+3=5", "3+2=5"])
    table = measure(lessons, [Category("reference", missing="one"), EquationList()])
    kept = OnePer(["reference", "rationale_equation_list"]).select(Pool.whole(lessons, table), np.random.default_rng(0))
    assert kept.kept.tolist() == [0, 2]
