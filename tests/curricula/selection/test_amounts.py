from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.pool import Pool
from curricula.selection import Amounts
from lessons.errors import ConfigError, DataError

TOPICS = ["a"] * 10 + ["b"] * 10 + ["c"] * 10
EFFECTS = {"a": {"a": 1.0, "b": 0.5}, "b": {"b": 1.0}, "c": {"c": 1.0, "a": -0.5}}  # a does 1.5 in all, b 1, c 0.5


def amounts(pool: Pool, **settings: object) -> list[int]:
    selector = Amounts("topic", EFFECTS, **{"count": 15, **settings})  # type: ignore[arg-type]
    kept = selector.select(pool, np.random.default_rng(0)).kept
    return [sum(TOPICS[k] == topic for k in kept) for topic in "abc"]


def test_what_does_most_good_comes_first_within_the_bounds(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(topic=TOPICS)
    assert amounts(pool) == [10, 5, 0]
    assert amounts(pool, least_share=0.2) == [9, 3, 3]
    assert amounts(pool, most_share=0.4) == [6, 6, 3]
    assert amounts(pool, needed={"c": 2.0}) == [10, 3, 2]


def test_conditions_that_cannot_be_met_are_refused(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(topic=TOPICS)
    with pytest.raises(DataError, match=r"No amounts of 3 groups of 'topic' add up to 15 lessons .*Loosen the bounds"):
        amounts(pool, needed={"c": 99.0})
    with pytest.raises(ConfigError, match=r"least_share=0\.5 and most_share=0\.2; both must lie in \[0, 1\]"):
        amounts(pool, least_share=0.5, most_share=0.2)
    with pytest.raises(ConfigError, match=r"`needed` names the unknown group 'z'"):
        amounts(pool, needed={"z": 1.0})
