from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.mixtures import PrefixPool, WeightedDraw, WeightedLoss
from curricula.mixtures.base import Moment
from curricula.mixtures.weighted import draw_by_sums
from curricula.pacing import Glide, Steady
from curricula.pool import Pool
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]


@pytest.mark.parametrize(("temperature", "expected"), [(1.0, 4 / 5), (2.0, 2 / 3), (0.5, 16 / 17)])
def test_chances_follow_the_signal_to_the_power_of_the_temperature(
    make_pool: Make, temperature: float, expected: float
) -> None:
    pool, mixture = make_pool(score=[4.0, 1.0]), WeightedDraw("score", temperature)
    first = [int(mixture.draw(pool, {}, Moment(k, 4_000, 1, 0)).places[0]) for k in range(4_000)]
    assert first.count(0) / 4_000 == pytest.approx(expected, abs=0.025)


def test_an_update_repeats_no_lesson_while_there_are_others() -> None:
    for seed in range(50):
        drawn = draw_by_sums(np.cumsum([100.0, 1, 1, 1]), 4, np.random.default_rng(seed))
        assert sorted(drawn) == [0, 1, 2, 3]
    assert len(draw_by_sums(np.cumsum([1.0, 1.0]), 5, np.random.default_rng(0))) == 5


def test_weights_fade_from_the_signal_to_one(make_pool: Make) -> None:
    """W(t) = D (1 - t/m) + t/m."""
    pool = make_pool(ease=[0.0, 0.25, 1.0])
    for opposite in (False, True):
        mixture = WeightedLoss(PrefixPool(Steady()), "ease", Glide(end=0.5), opposite)
        for t in range(8):
            drawn = mixture.draw(pool, mixture.start(pool), Moment(t, 8, 3, 0))
            faded = min(1.0, t / 4)
            ease = np.array([0.0, 0.25, 1.0])[drawn.places]
            expected = (1 - ease if opposite else ease) * (1 - faded) + faded
            np.testing.assert_allclose(drawn.weights, expected)


def test_impossible_settings_are_refused(make_pool: Make) -> None:
    pool, moment = make_pool(score=[2.0, None]), Moment(0, 1, 1, 0)
    with pytest.raises(ConfigError, match=r"temperature=0; allowed are numbers above 0"):
        WeightedDraw("score", 0).draw(pool, {}, moment)
    with pytest.raises(DataError, match=r"'score' cannot be used as chances"):
        WeightedDraw("score").draw(pool, {}, moment)
    weighted = WeightedLoss(PrefixPool(Steady()), "score", opposite=True)
    with pytest.raises(ConfigError, match=r"'score' cannot weigh the loss: 2 of 2 .* first 2 for lesson 'p0'"):
        weighted.draw(pool, weighted.start(pool), moment)
