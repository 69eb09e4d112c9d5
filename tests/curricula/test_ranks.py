from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curricula.ranks import average_ranks, rank_correlation

values = st.lists(st.integers(0, 9).map(float), min_size=2, max_size=20)


@given(values)
def test_ranks_count_the_smaller_and_share_ties(numbers: list[float]) -> None:
    expected = [sum(b < a for b in numbers) + (numbers.count(a) + 1) / 2 for a in numbers]
    assert average_ranks(np.array(numbers)).tolist() == expected


def test_the_correlation_of_a_worked_example() -> None:
    """The ranks differ by 0, -1, 1, -1, 1: 1 - 6 * 4 / (5 * 24) = 0.8."""
    left, right = np.array([1.0, 2, 3, 4, 5]), np.array([10.0, 30, 20, 50, 40])
    assert math.isclose(rank_correlation(left, right), 0.8)
    assert math.isclose(rank_correlation(left, -right), -0.8)


def test_gaps_are_left_out_and_constants_have_no_correlation() -> None:
    left = np.array([1.0, np.nan, 2.0, 3.0])
    assert math.isclose(rank_correlation(left, np.array([1.0, 9.0, 2.0, 3.0])), 1.0)
    assert math.isnan(rank_correlation(left, np.ones(4)))
    assert math.isnan(rank_correlation(left, np.full(4, np.nan)))
