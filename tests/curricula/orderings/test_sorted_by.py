from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula.orderings.sorted_by import SortedBy
from curricula.pool import Pool
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]
CHANCE = np.random.default_rng(0)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20))
def test_the_keys_count_one_after_another(make_pool: Make, rows: list[tuple[int, int]]) -> None:
    pool = make_pool(level=[row[0] for row in rows], course=[row[1] for row in rows])
    order = SortedBy(["level", "-course"]).arrange(pool, pool.values("level"), CHANCE).order
    keys = [(rows[k][0], -rows[k][1]) for k in order]
    assert keys == sorted(keys)


def test_equals_are_shuffled_and_values_of_the_first_key_make_stages(make_pool: Make) -> None:
    pool = make_pool(level=[2] * 10 + [1] * 10)
    orders = {
        tuple(SortedBy(["level"]).arrange(pool, pool.values("level"), np.random.default_rng(seed)).order)
        for seed in range(9)
    }
    assert len(orders) == 9
    assert SortedBy(["level"]).arrange(pool, pool.values("level"), CHANCE).stage.tolist() == [0] * 10 + [1] * 10
    assert not SortedBy(["level"], most_stages=1).arrange(pool, pool.values("level"), CHANCE).stage.any()


def test_missing_values_go_where_asked(make_pool: Make) -> None:
    pool = make_pool(level=[None, 1, 2])
    assert SortedBy(["-level"], "last").arrange(pool, pool.values("level"), CHANCE).order.tolist() == [2, 1, 0]
    assert SortedBy(["-level"], "first").arrange(pool, pool.values("level"), CHANCE).order.tolist() == [0, 2, 1]
    with pytest.raises(DataError, match=r"Cannot sort by 'level': 1 of 3 scores are missing"):
        SortedBy(["-level"]).arrange(pool, pool.values("level"), CHANCE)
    with pytest.raises(ConfigError, match=r"keys=\[\]; at least one signal"):
        SortedBy([]).arrange(pool, pool.values("level"), CHANCE)
