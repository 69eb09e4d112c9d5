from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from curricula.mixtures import Mixture, PrefixPool, Replay
from curricula.mixtures.base import Moment
from curricula.pacing import Glide, Steady
from curricula.pool import Pool
from lessons.errors import ConfigError

Make = Callable[..., Pool]
ROUNDS = ["0"] * 10 + ["1"] * 20 + ["2"] * 30


def counted(mixture: Mixture, pool: Pool, update: int, count: int = 40) -> dict[str, int]:
    places = mixture.draw(pool, mixture.start(pool), Moment(update, 8, count, 0)).places
    return dict(Counter(ROUNDS[k] for k in places))


def test_a_share_of_every_update_is_old(make_pool: Make) -> None:
    pool = make_pool(round=ROUNDS)
    mixture = Replay(PrefixPool(Steady()), "round", ["0", "1"], Glide(0.0, 0.5))
    for update in range(8):
        made = counted(mixture, pool, update)
        assert abs(made["2"] - 40 * (1 - update / 16)) < 1
        assert abs(made.get("1", 0) - 2 * made.get("0", 0)) <= 3  # every old lesson alike


def test_the_power_law_prefers_the_latest(make_pool: Make) -> None:
    """Ages 2 and 1, power 1: half as often."""
    mixture = Replay(PrefixPool(Steady()), "round", ["0", "1"], Steady(0.75), power=1.0)
    assert counted(mixture, make_pool(round=ROUNDS), 3) == {"0": 10, "1": 20, "2": 10}


def test_replay_may_come_in_every_fourth_update(make_pool: Make) -> None:
    mixture = Replay(PrefixPool(Steady()), "round", ["0", "1"], Steady(0.1), every=4)
    old = [40 - counted(mixture, make_pool(round=ROUNDS), update)["2"] for update in range(8)]
    assert old == [16, 0, 0, 0, 16, 0, 0, 0]


def test_the_new_lessons_keep_their_order(make_pool: Make) -> None:
    pool = make_pool(round=ROUNDS).ordered(np.arange(60)[::-1])
    mixture = Replay(PrefixPool(Steady(0.1)), "round", ["0", "1"], Steady(0.0))
    places = mixture.draw(pool, mixture.start(pool), Moment(0, 8, 3, 0)).places
    assert set(places) == {57, 58, 59}  # the first tenth of the order of round 2


def test_impossible_settings_are_refused(make_pool: Make) -> None:
    pool = make_pool(round=ROUNDS)
    with pytest.raises(ConfigError, match=r"replay all groups of 'round' that have lessons \(0, 1, 2\); at least one"):
        Replay(PrefixPool(Steady()), "round", ["0", "1", "2"], Steady(0.1)).start(pool)
    with pytest.raises(ConfigError, match=r"every=0, power=0\.0 and 1 groups to replay"):
        Replay(PrefixPool(Steady()), "round", ["0"], Steady(0.1), every=0).start(pool)
