from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula import EasyFirst
from curricula.orderings.topological import Topological
from curricula.pool import Pool
from lessons.errors import ConfigError

Make = Callable[..., Pool]
CHANCE = np.random.default_rng(0)
NAMES = "abcdef"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12), st.permutations(range(6)))
def test_every_group_comes_after_what_it_builds_upon(
    make_pool: Make, pairs: list[tuple[int, int]], hidden: list[int]
) -> None:
    edges = {(max(pair, key=hidden.index), min(pair, key=hidden.index)) for pair in pairs if pair[0] != pair[1]}
    needs = {NAMES[late]: [NAMES[e] for other, e in edges if other == late] for late in {late for late, _ in edges}}
    pool = make_pool(score=[k % 6 for k in range(18)], topic=[NAMES[k % 6] for k in range(18)])
    order = Topological("topic", needs, EasyFirst()).arrange(pool, pool.values("score"), CHANCE).order
    places = {name: [p for p, k in enumerate(order) if NAMES[k % 6] == name] for name in NAMES}
    assert all(max(places[early]) < min(places[late]) for late in needs for early in needs[late])
    assert sorted(order) == list(range(18))


def test_free_groups_come_as_listed(make_pool: Make) -> None:
    pool = make_pool(score=[0, 0, 0], topic=["c", "a", "b"])
    assert Topological("topic", {"a": ["b"]}, EasyFirst()).arrange(
        pool, pool.values("score"), CHANCE
    ).order.tolist() == [2, 0, 1]


def test_circles_and_unknown_groups_are_refused(make_pool: Make) -> None:
    pool = make_pool(score=[0, 0, 0], topic=["c", "a", "b"])
    with pytest.raises(
        ConfigError, match=r"prerequisites of 'topic' go in a circle: '.' before '.' before '.'\. No gr"
    ):
        Topological("topic", {"a": ["b"], "b": ["a"]}, EasyFirst()).arrange(pool, pool.values("score"), CHANCE)
    with pytest.raises(ConfigError, match=r"`prerequisites` names the unknown group 'z'\. The groups are: a, b, c"):
        Topological("topic", {"a": ["z"]}, EasyFirst()).arrange(pool, pool.values("score"), CHANCE)
