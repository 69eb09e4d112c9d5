from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.orderings.base import fill_missing, sort_seeded
from lessons.errors import ConfigError, DataError


def test_missing_scores_are_refused_with_count_and_row() -> None:
    scores = np.array([0.5, np.nan, 0.1, np.nan])
    with pytest.raises(DataError, match=r"2 of 4 scores are missing, the first at row 1\. .*'first' or 'last'"):
        fill_missing(scores, "error")


@pytest.mark.parametrize("missing", ["error", "first", "last"])
def test_no_score_at_all_is_refused_whatever_the_policy(missing: str) -> None:
    with pytest.raises(DataError, match=r"none of the 2 lessons has a score, .* Order by another signal"):
        fill_missing(np.array([np.nan, np.nan]), missing)  # type: ignore[arg-type]


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"missing='drop' is not known; allowed are 'error', 'first' and 'last'"):
        fill_missing(np.array([0.5]), "drop")  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 1000))
def test_sorting_is_a_permutation_that_rises(keys: list[int], seed: int) -> None:
    order = sort_seeded(np.array(keys), np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(keys)))
    assert np.array(keys)[order].tolist() == sorted(keys)


def test_ties_come_in_random_order_not_in_input_order() -> None:
    ties = np.zeros(10)
    orders = {tuple(sort_seeded(ties, np.random.default_rng(seed)).tolist()) for seed in range(200)}
    firsts = {order[0] for order in orders}
    assert len(orders) > 190
    assert firsts == set(range(10))
