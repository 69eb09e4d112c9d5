from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula.pool import Pool
from curricula.selection import Best, Selector
from curricula.selection.base import best_places
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.data())
def test_the_best_are_as_a_sort_would_have_them(values: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(values)))
    keys = np.array(values, np.float64)
    kept = best_places(keys, count, chance())
    assert len(set(kept)) == count
    assert sorted(keys[kept]) == sorted(keys)[:count]


def test_the_highest_of_each_group(make_pool: Make) -> None:
    pool = make_pool(score=[1, 2, 3, 4, 5, None], topic=["a", "a", "a", "b", "b", "b"])
    assert Best("score", 0.5).select(pool, chance()).kept.tolist() == [2, 3, 4]
    assert Best("score", count=1, which="lowest").select(pool, chance()).kept.tolist() == [0]
    made = Best("score", count=2, within="topic").select(pool, chance())
    assert made.kept.tolist() == [1, 2, 3, 4]
    assert [made.reasons[code] for code in made.reason[[0, 5]]] == [
        "score too low within its topic",
        "no value of score",
    ]


def test_a_lesson_without_a_value_is_never_among_the_best(make_pool: Make) -> None:
    assert Best("score", count=2).select(make_pool(score=[None, 1, None]), chance()).kept.tolist() == [1]
    with pytest.raises(DataError, match=r"None of the 1 lessons has a value of 'score'"):
        Best("score", count=1).select(make_pool(score=[None]), chance())


def test_ties_are_drawn_by_lot(make_pool: Make) -> None:
    pool = make_pool(score=[0.5] * 20)
    kept = {tuple(Best("score", count=5).select(pool, chance(seed)).kept) for seed in range(20)}
    assert len(kept) > 10


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        (Best("score"), r"Best got share=None and count=None; exactly one of them must be set"),
        (Best("score", 0.5, 2), r"share=0\.5 and count=2; exactly one"),
        (Best("score", 1.5), r"share=1\.5; allowed are numbers above 0 and up to 1"),
        (Best("score", count=3), r"count=3, and 2 lessons are there to choose from; allowed are 1 to 2"),
        (Best("score", 0.5, which="top"), r"Best got 'top'; allowed are 'highest' and 'lowest'"),  # type: ignore[arg-type]
    ],
)
def test_settings_that_do_not_fit_are_refused(make_pool: Make, selector: Selector, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        selector.select(make_pool(score=[0.1, 0.2]), chance())
