from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.mixtures import GroupMixture, GroupStages, Mixture
from curricula.mixtures.base import Moment
from curricula.mixtures.groups import share_out
from curricula.pool import Pool
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]
TOPICS = ["a"] * 1 + ["b"] * 4 + ["c"] * 16


def counted(mixture: Mixture, pool: Pool, update: int = 0, updates: int = 1, count: int = 60) -> dict[str, int]:
    places = mixture.draw(pool, mixture.start(pool), Moment(update, updates, count, 0)).places
    return dict(Counter(TOPICS[k] for k in places))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6).filter(any), st.integers(1, 50), st.integers(0, 99))
def test_no_group_is_a_whole_lesson_off_its_share(shares: list[float], count: int, seed: int) -> None:
    exact = np.array(shares) / sum(shares) * count
    counts = share_out(np.array(shares) / sum(shares), count, np.random.default_rng(seed))
    assert counts.sum() == count
    assert (np.abs(counts - exact) < 1 + 1e-9).all()


def test_on_average_a_group_gets_its_share() -> None:
    shares = np.array([0.05, 0.6, 0.35])
    mean = np.mean([share_out(shares, 3, np.random.default_rng(seed)) for seed in range(5_000)], axis=0)
    np.testing.assert_allclose(mean, 3 * shares, atol=0.03)


def test_weights_temperature_and_cap(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS)
    assert counted(GroupMixture("topic", "equal"), pool) == {"a": 20, "b": 20, "c": 20}
    assert counted(GroupMixture("topic", {"a": 1, "c": 2}), pool) == {"a": 20, "c": 40}
    assert counted(GroupMixture("topic", temperature=2), pool, count=70) == {"a": 10, "b": 20, "c": 40}  # 1, 2, 4
    assert counted(GroupMixture("topic", most=5), pool) == {"a": 6, "b": 24, "c": 30}
    assert counted(GroupMixture("topic"), pool, count=63) == {"a": 3, "b": 12, "c": 48}


def test_inside_a_group_every_lesson_comes_alike(make_pool: Make) -> None:
    pool, mixture = make_pool(topic=TOPICS), GroupMixture("topic", {"b": 1.0})
    places = mixture.draw(pool, {}, Moment(0, 1, 8, 0)).places
    assert Counter(places.tolist()) == {1: 2, 2: 2, 3: 2, 4: 2}


def test_stages_are_sequential_cumulative_or_carry_some_over(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS)
    sequential = [counted(GroupStages("topic"), pool, k, 3) for k in range(3)]
    assert sequential == [{"a": 60}, {"b": 60}, {"c": 60}]
    cumulative = [counted(GroupStages("topic", cumulative=True), pool, k, 3) for k in range(3)]
    assert cumulative == [{"a": 60}, {"a": 30, "b": 30}, {"a": 20, "b": 20, "c": 20}]
    carried = GroupStages("topic", [["b", "c"], ["a"]], carry=0.1, starts=[0.75], each="lesson")
    assert [counted(carried, pool, k, 4, 300) for k in (0, 2, 3)] == [
        {"b": 60, "c": 240},
        {"b": 60, "c": 240},
        {"a": 270, "b": 6, "c": 24},
    ]


def test_a_group_without_lessons_is_named(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS).subset(np.arange(5))
    with pytest.raises(
        DataError, match=r"groups of 'topic': the group 'c' has no lessons\. Groups with lessons: a, b\."
    ):
        GroupMixture("topic", {"c": 1.0}).draw(pool, {}, Moment(0, 1, 1, 0))
    with pytest.raises(DataError, match=r"'topic': no group has a weight above 0"):
        GroupMixture("topic", {"a": 0.0}).draw(pool, {}, Moment(0, 1, 1, 0))
    with pytest.raises(ConfigError, match=r"`weights` names the unknown group 'z'"):
        GroupMixture("topic", {"z": 1.0}).draw(pool, {}, Moment(0, 1, 1, 0))


@pytest.mark.parametrize(
    ("mixture", "message"),
    [
        (GroupMixture("topic", temperature=0), r"temperature=0 and most=None; both must be above 0"),
        (GroupMixture("topic", "even"), r"weights='even'; allowed are 'proportional', 'equal', or"),  # type: ignore[arg-type]
        (GroupStages("topic", carry=1.0), r"carry=1\.0, cumulative=False and each='group'; the carry must be"),
        (GroupStages("topic", starts=[0.5]), r"1 starts for 3 stages; there must be one fewer"),
    ],
)
def test_impossible_settings_are_refused(make_pool: Make, mixture: Mixture, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mixture.draw(make_pool(topic=TOPICS), {}, Moment(0, 1, 1, 0))
