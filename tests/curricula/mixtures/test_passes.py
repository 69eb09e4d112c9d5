from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.mixtures.base import Mixture, Moment
from curricula.mixtures.passes import CyclicPasses, RandomSubsets, SpacedRepeats, cycle_shares, weighted_order
from curricula.pool import Pool
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]


def drawn(mixture: Mixture, pool: Pool, updates: int, count: int, seed: int = 0) -> list[int]:
    state = mixture.start(pool)
    return [
        int(place)
        for update in range(updates)
        for place in mixture.draw(pool, state, Moment(update, updates, count, seed)).places
    ]


def test_the_published_cycle() -> None:
    """sp 0.25, ep 1, alpha 0.5 gives 1/4, 1/2, 1, 1/2, 1/4, 1/2, 1 ..."""
    assert cycle_shares(0.25, 1.0, 0.5, 4.0) == [0.25, 0.5, 1.0, 0.5, 0.25, 0.5, 1.0]
    assert cycle_shares(0.3, 1.0, 0.5, 3.1) == [0.3, 0.6, 1.0, 0.5, 0.3, 0.6]
    assert cycle_shares(1.0, 1.0, 0.5, 3.0) == [1.0, 1.0, 1.0]


@given(st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.1, 0.9), st.floats(0.1, 20))
def test_the_cycle_stays_in_its_bounds_and_fills_the_budget(a: float, b: float, factor: float, passes: float) -> None:
    low, high = sorted((a, b))
    shares = cycle_shares(low, high, factor, passes)
    assert all(low <= share <= high for share in shares)
    assert sum(shares) >= passes
    assert sum(shares[:-1]) < passes


def test_as_many_lessons_are_drawn_as_in_plain_passes(make_pool: Make) -> None:
    pool = make_pool(score=[1.0] * 40)
    entries = drawn(CyclicPasses(), pool, 12, 10)
    assert len(entries) == 120
    ends = np.cumsum([10, 20, 40, 20, 10, 20])
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        assert len(set(entries[start:end])) == end - start  # no repeats inside a pass
    assert set(entries[30:70]) == set(range(40))


def test_likely_lessons_are_drawn_in_proportion(make_pool: Make) -> None:
    """One of two lessons with weights 3 and 1: the first comes in three of four passes."""
    counts = Counter(
        int(weighted_order(np.array([3.0, 1.0]), 1, np.random.default_rng(seed))[0]) for seed in range(4_000)
    )
    assert counts[0] / 4_000 == pytest.approx(0.75, abs=0.03)
    pool = make_pool(score=[9.0] * 10 + [1.0] * 30)
    entries = Counter(drawn(CyclicPasses("score", 0.25, 0.25), pool, 400, 10))
    assert sum(entries[k] for k in range(10)) > 2 * sum(entries[k] for k in range(10, 40)) * 10 / 30


def test_random_subsets_are_other_ones_in_every_pass(make_pool: Make) -> None:
    pool = make_pool(score=[1.0] * 40)
    entries = drawn(RandomSubsets(0.25), pool, 8, 10)
    passes = [frozenset(entries[k : k + 10]) for k in range(0, 80, 10)]
    assert all(len(part) == 10 for part in passes)
    assert len(set(passes)) == 8


def test_a_lesson_comes_again_after_the_gap(make_pool: Make) -> None:
    pool = make_pool(score=[1.0] * 12).ordered(np.arange(12)[::-1])
    entries = drawn(SpacedRepeats(gap=4, repeats=3), pool, 9, 8)
    assert entries[:12] == [11, 10, 9, 8] * 3
    assert entries[12:24] == [7, 6, 5, 4] * 3
    assert Counter(entries) == dict.fromkeys(range(12), 6)
    for place in range(12):
        visits = [k for k, entry in enumerate(entries) if entry == place]
        assert visits[1] - visits[0] == visits[2] - visits[1] == 4


def test_impossible_settings_and_chances_are_refused(make_pool: Make) -> None:
    pool = make_pool(score=[0.5, 0.0, None])
    with pytest.raises(
        DataError, match=r"'score' cannot be used as chances: 2 of 3 .* first 0 for lesson 'p1'\. Every"
    ):
        drawn(CyclicPasses("score"), pool, 1, 1)
    with pytest.raises(ConfigError, match=r"low=0\.5, high=0\.2 and factor=0\.5; allowed is 0 < low <= high <= 1"):
        drawn(CyclicPasses(low=0.5, high=0.2), pool, 1, 1)
    with pytest.raises(ConfigError, match=r"share=0; allowed are numbers above 0"):
        drawn(RandomSubsets(0), pool, 1, 1)
    with pytest.raises(ConfigError, match=r"gap=0 and repeats=3; both must be at least 1"):
        drawn(SpacedRepeats(0), pool, 1, 1)
