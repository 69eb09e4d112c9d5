from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curricula.selection.water_filling import largest_remainders, water_fill

groups = st.lists(st.tuples(st.integers(0, 20), st.sampled_from([0.0, 0.5, 1.0, 3.0])), min_size=1, max_size=6)


@given(groups=groups, total=st.integers(0, 120))
def test_the_level_is_even_and_the_sum_exact(groups: list[tuple[int, float]], total: int) -> None:
    sizes, weights = (np.array(column) for column in zip(*groups, strict=True))
    taken = water_fill(sizes, weights, total)
    assert (taken >= 0).all()
    assert (taken <= sizes).all()
    assert (taken[weights == 0] == 0).all()
    assert taken.sum() == min(total, sizes[weights > 0].sum())
    level = water_level(sizes, weights, int(taken.sum()))
    assert (np.abs(taken - np.minimum(sizes, level * weights)) < 1 + 1e-6).all()


def water_level(sizes: np.ndarray, weights: np.ndarray, total: int) -> float:
    """The level at which min(size, level * weight) adds up to the total, by bisection."""
    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(sizes, middle * weights).sum() < total else (low, middle)
    return high


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 50))
def test_rounding_keeps_the_sum_and_moves_nobody_by_one(weights: list[int], total: int) -> None:
    wanted = total * np.array(weights) / sum(weights)
    whole = largest_remainders(wanted, np.full(len(weights), 99), total)
    assert whole.sum() == total
    assert (np.abs(whole - wanted) < 1).all()
