from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.pool import Pool
from curricula.selection import Quota, Selector
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]
TOPICS = ["a"] * 2 + ["b"] * 10 + ["c"] * 8


def kept_by_topic(selector: Selector, pool: Pool, seed: int = 0) -> dict[str, int]:
    kept = selector.select(pool, np.random.default_rng(seed)).kept
    assert len(set(kept)) == len(kept)
    return {topic: sum(TOPICS[k] == topic for k in kept) for topic in "abc"}


def test_quotas_are_met_exactly_and_short_groups_give_all(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS)
    assert kept_by_topic(Quota("topic", count=12), pool) == {"a": 2, "b": 5, "c": 5}
    assert kept_by_topic(Quota("topic", 0.5, target="proportional"), pool) == {"a": 1, "b": 5, "c": 4}
    assert kept_by_topic(Quota("topic", count=9, target={"b": 2, "c": 1}), pool) == {"a": 0, "b": 6, "c": 3}
    assert kept_by_topic(Quota("topic", count=20, most=3), pool) == {"a": 2, "b": 3, "c": 3}


def test_a_short_group_is_named_where_quotas_must_be_met(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS)
    assert kept_by_topic(Quota("topic", count=6, short="error"), pool) == {"a": 2, "b": 2, "c": 2}
    with pytest.raises(
        DataError, match=r"1 of 3 groups of 'topic' are too small for their quota: 'a' 2 of 4\. .*'fill'"
    ):
        Quota("topic", count=12, short="error").select(pool, np.random.default_rng(0))


def test_a_group_without_lessons_is_short_too(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS).subset(np.arange(2, 20))
    with pytest.raises(DataError, match=r"too small for their quota: 'a' 0 of 3"):
        Quota("topic", count=9, short="error").select(pool, np.random.default_rng(0))
    assert len(Quota("topic", count=9).select(pool, np.random.default_rng(0)).kept) == 9


def test_the_best_of_each_group_are_preferred(make_pool: Make) -> None:
    pool = make_pool(topic=["a", "a", "a", "b", "b"], score=[1, 3, 2, 7, None])
    made = Quota("topic", count=3, target={"a": 2, "b": 1}, prefer="score").select(pool, np.random.default_rng(0))
    assert made.kept.tolist() == [1, 2, 3]
    assert made.reasons == ("others of its topic have a better score",)
    low = Quota("topic", count=2, prefer="score", which="lowest").select(pool, np.random.default_rng(0))
    assert low.kept.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        (Quota("topic", count=2, target={"z": 1}), r"`target` names the unknown group 'z'\. The groups are: a, b, c"),
        (Quota("topic", count=2, target={"a": 0}), r"weights \{'a': 0\}; they must be 0 or more, and one at least"),
        (Quota("topic", count=2, target="even"), r"target='even'; allowed are 'equal', 'proportional', or a weight"),  # type: ignore[arg-type]
        (Quota("topic", count=2, short="drop"), r"short='drop'; allowed are 'fill' and 'error'"),  # type: ignore[arg-type]
    ],
)
def test_settings_that_do_not_fit_are_refused(make_pool: Make, selector: Selector, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        selector.select(make_pool(topic=TOPICS), np.random.default_rng(0))
