from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula import Signal
from curricula.combination import Lexicographic


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=15))
def test_the_ranks_are_those_of_the_pairs(
    numbers: type, values_of: Callable[[Signal], list[float]], pairs: list[tuple[int, int]]
) -> None:
    first, second = (numbers([pair[k] for pair in pairs]) for k in (0, 1))
    expected = [
        sum(other < pair for other in pairs) + (1 + sum(other == pair for other in pairs)) / 2 for pair in pairs
    ]
    assert values_of(Lexicographic([first, second])) == expected


def test_a_missing_key_leaves_no_rank(numbers: type, values_of: Callable[[Signal], list[float]]) -> None:
    made = values_of(Lexicographic([numbers([2, 1, 1]), numbers([0, None, 5])]))
    assert np.isnan(made[1])
    assert made[::2] == [2, 1]
