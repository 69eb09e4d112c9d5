from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.pool import Pool
from curricula.selection import ByLot, Thinned
from lessons.errors import ConfigError

Make = Callable[..., Pool]


def test_lots_keep_as_many_as_asked_and_others_with_another_seed(make_pool: Make) -> None:
    pool = make_pool(score=[0.5] * 30)
    kept = [ByLot(0.4).select(pool, np.random.default_rng(seed)).kept.tolist() for seed in (0, 0, 1)]
    assert len(kept[0]) == 12
    assert kept[0] == kept[1] != kept[2]


def test_only_the_band_of_the_named_groups_is_thinned(make_pool: Make) -> None:
    pool = make_pool(spread=[0.1, 0.9] * 500, kind=["maths"] * 500 + ["other"] * 500)
    made = Thinned("spread", high=0.5, keep_probability=0.5, within=["other"], group_by="kind")
    reason = made.select(pool, np.random.default_rng(0)).reason
    assert (reason[:500] == -1).all()
    assert (reason[501::2] == -1).all()
    assert 0.4 < (reason[500::2] == -1).mean() < 0.6


def test_probability_zero_and_one_leave_nothing_to_chance(make_pool: Make) -> None:
    pool = make_pool(spread=[0.1, 0.9, None])
    assert Thinned("spread", low=0.5, keep_probability=0).select(pool, np.random.default_rng(0)).kept.tolist() == [0, 2]
    assert len(Thinned("spread", keep_probability=1).select(pool, np.random.default_rng(0)).kept) == 3


def test_settings_that_do_not_fit_are_refused(make_pool: Make) -> None:
    pool = make_pool(spread=[0.1], kind=["a"])
    with pytest.raises(ConfigError, match=r"keep_probability=2, .*the probability must lie in \[0, 1\]"):
        Thinned("spread", keep_probability=2).select(pool, np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"within=\['a'\] and group_by=None"):
        Thinned("spread", within=["a"]).select(pool, np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"`within` names the unknown group 'b'\. The groups are: a\."):
        Thinned("spread", within=["b"], group_by="kind").select(pool, np.random.default_rng(0))
