from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.pool import Pool
from curricula.selection.band import Band
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]
CHANCE = np.random.default_rng(0)


def test_both_bounds_are_kept_and_the_others_told_why(make_pool: Make) -> None:
    made = Band("score", 0.2, 0.4).select(make_pool(score=[0.1, 0.2, 0.4, 0.5, None]), CHANCE)
    assert made.kept.tolist() == [1, 2]
    assert [made.reasons[code] for code in made.reason[[0, 3, 4]]] == [
        "score below 0.2",
        "score above 0.4",
        "no value of score",
    ]


def test_missing_values_may_stay(make_pool: Make) -> None:
    pool = make_pool(score=[0.1, None])
    assert Band("score", low=0.5, keep_missing=True).select(pool, CHANCE).kept.tolist() == [1]


def test_wrong_bounds_and_empty_signals_are_refused(make_pool: Make) -> None:
    with pytest.raises(ConfigError, match=r"from low=1 to high=0; low must not be above high"):
        Band("score", 1, 0).select(make_pool(score=[0.1]), CHANCE)
    with pytest.raises(DataError, match=r"None of the 2 lessons has a value of 'score'"):
        Band("score", 0, 1).select(make_pool(score=[None, None]), CHANCE)
