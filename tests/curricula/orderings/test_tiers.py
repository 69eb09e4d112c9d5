from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import Tiers
from lessons.errors import ConfigError, DataError

ratings = st.lists(st.integers(0, 9), min_size=1, max_size=60).map(lambda values: np.array(values, np.float64))
numbers_of_tiers = st.integers(1, 6)


@given(ratings, numbers_of_tiers)
def test_tiers_follow_the_scores_and_equal_scores_share_one(scores: np.ndarray, tiers: int) -> None:
    found = Tiers(tiers).tiers_of(scores)
    assert set(found) == set(range(min(tiers, len(set(scores)))))
    by_score = np.argsort(scores, kind="stable")
    assert (np.diff(found[by_score]) >= 0).all()
    for score in set(scores):
        assert len(set(found[scores == score])) == 1


@given(ratings, numbers_of_tiers, st.integers(0, 99))
def test_the_order_goes_tier_by_tier(scores: np.ndarray, tiers: int, seed: int) -> None:
    ordering = Tiers(tiers)
    order = ordering.order(scores, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(scores)))
    assert (np.diff(ordering.tiers_of(scores)[order]) >= 0).all()


@given(st.integers(1, 50), numbers_of_tiers)
def test_without_ties_the_tiers_differ_by_at_most_one_lesson(lessons: int, tiers: int) -> None:
    sizes = np.bincount(Tiers(tiers).tiers_of(np.random.default_rng(lessons).permutation(lessons).astype(np.float64)))
    assert sizes.max() - sizes.min() <= 1


def test_inside_a_tier_the_order_is_random() -> None:
    scores = np.repeat([1.0, 2.0], 20)
    orders = {tuple(Tiers(2).order(scores, np.random.default_rng(seed)).tolist()) for seed in range(20)}
    assert len(orders) == 20


def test_lessons_without_a_score_join_the_first_or_last_tier() -> None:
    scores = np.array([1.0, np.nan, 2.0, 3.0])
    assert Tiers(3, missing="first").tiers_of(scores).tolist() == [0, 0, 1, 2]
    assert Tiers(3, missing="last").tiers_of(scores).tolist() == [0, 2, 1, 2]
    with pytest.raises(DataError, match="1 of 4 scores are missing, the first at row 1"):
        Tiers(3).tiers_of(scores)


def test_fewer_than_one_tier_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tiers=0: at least 1 is needed\. Correct the setting of Tiers"):
        Tiers(0).tiers_of(np.array([1.0]))
