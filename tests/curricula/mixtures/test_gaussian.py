from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula.feedback import Feedback
from curricula.mixtures import GaussianRank, SlidingBell
from curricula.mixtures.base import Moment
from curricula.mixtures.gaussian import ranks_around
from curricula.pacing import Glide
from curricula.pool import Pool
from lessons.errors import ConfigError

Make = Callable[..., Pool]


def test_ranks_are_drawn_as_the_bell_says() -> None:
    """p(rank) proportional to exp(-(rank - mu)^2 / (2 sigma^2)), also where the bell is cut off by an end."""
    counts = np.bincount(
        np.concatenate([ranks_around(1.0, 2.0, 8, 1, np.random.default_rng(seed)) for seed in range(6_000)]),
        minlength=8,
    )
    powers = np.exp(-((np.arange(8) - 1.0) ** 2) / 8)
    np.testing.assert_allclose(counts / 6_000, powers / powers.sum(), atol=0.025)


@given(st.floats(-50, 80), st.floats(0.01, 30), st.integers(1, 30), st.integers(1, 40), st.integers(0, 9))
def test_ranks_are_different_and_inside(centre: float, width: float, size: int, count: int, seed: int) -> None:
    drawn = ranks_around(centre, width, size, count, np.random.default_rng(seed))
    assert len(drawn) == count
    assert len(set(drawn)) == min(count, size)
    assert set(drawn) <= set(range(size))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 1)), max_size=6))
def test_the_centre_moves_by_the_formula(make_pool: Make, heard: list[tuple[float, float]]) -> None:
    """mu + clamp(n/2 tanh(a (acc - b)) + n/2 tanh(a ang), 0, most), at most to the last rank."""
    pool, mixture = make_pool(score=[0.5] * 40), GaussianRank(5.0, 12.0, angle="angle", most=8.0)
    state, mu = mixture.start(pool), 0.0
    for update, (accuracy, angle) in enumerate(heard):
        state = mixture.hear(pool, state, Feedback(update, {"accuracy": accuracy, "angle": angle}))
        mu = min(39.0, mu + min(max(6 * math.tanh(2 * (accuracy - 0.5)) + 6 * math.tanh(2 * angle), 0.0), 8.0))
        assert state["centre"] == pytest.approx(mu)


def test_the_draws_follow_the_centre_along_the_order(make_pool: Make) -> None:
    pool = make_pool(score=[0.5] * 100).ordered(np.arange(100)[::-1])
    mixture = GaussianRank(width=2.0, step=60.0)
    state = mixture.start(pool)
    assert mixture.draw(pool, state, Moment(0, 9, 5, 0)).places.min() > 85
    state = mixture.hear(pool, state, Feedback(1, {"accuracy": 1.0}))
    centre = 30 * math.tanh(1.0)
    assert abs(99 - mixture.draw(pool, state, Moment(1, 9, 5, 0)).places.mean() - centre) < 4


def test_a_bell_slides_with_its_pacing(make_pool: Make) -> None:
    pool, mixture = make_pool(score=[0.5] * 100), SlidingBell(Glide(), width=0.02)
    means = [mixture.draw(pool, {}, Moment(update, 10, 8, 0)).places.mean() for update in range(10)]
    np.testing.assert_allclose(means, np.arange(10) * 9.9, atol=5)


def test_bells_without_width_are_refused(make_pool: Make) -> None:
    for mixture in (GaussianRank(width=0.0), SlidingBell(Glide(), width=0.0)):
        with pytest.raises(ConfigError, match=r"width=0\.0; allowed are numbers above 0"):
            mixture.start(make_pool(score=[0.5]))
