from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import NextPrompts, RandomPrompts, WeakTopics
from curricula.next_prompts import fill_quotas
from lessons.errors import ConfigError, DataError
from lessons.records import Message, Prompt

pools = st.lists(st.sampled_from(["sums", "logic", "words", None]), min_size=1, max_size=40)
choosers = st.sampled_from([WeakTopics(), RandomPrompts()])


def pool_of(topics: Sequence[str | None]) -> list[Prompt]:
    return [Prompt(f"p{k}", (Message("user", "?"),), topic=topic) for k, topic in enumerate(topics)]


@given(pools, choosers, st.integers(1, 50), st.integers(0, 9), st.floats(0, 1))
def test_choices_are_distinct_in_pool_order_repeatable_and_as_many_as_asked(
    topics: list[str | None], chooser: NextPrompts, count: int, seed: int, accuracy: float
) -> None:
    pool = pool_of(topics)
    one, two = (chooser.choose(pool, {"sums": accuracy}, count, np.random.default_rng(seed)) for _ in range(2))
    positions = [pool.index(prompt) for prompt in one]
    assert one == two
    assert len(one) == min(count, len(pool))
    assert positions == sorted(set(positions))


def test_weak_topics_get_places_in_proportion_to_their_errors() -> None:
    pool = pool_of(["sums"] * 100 + ["logic"] * 100 + [None] * 100)
    chosen = WeakTopics().choose(pool, {"sums": 0.9, "logic": 0.6}, 100, np.random.default_rng(0))
    assert Counter(prompt.topic for prompt in chosen) == {"sums": 10, "logic": 40, None: 50}


def test_a_mastered_topic_is_not_dropped_for_good() -> None:
    pool = pool_of(["sums"] * 100 + ["logic"] * 100)
    chosen = WeakTopics(floor=0.1).choose(pool, {"sums": 1.0, "logic": 0.1}, 50, np.random.default_rng(0))
    assert Counter(prompt.topic for prompt in chosen) == {"sums": 5, "logic": 45}


def test_random_choice_is_uniform_over_the_pool() -> None:
    pool = pool_of(["sums"] * 10)
    drawn = Counter(
        prompt.id
        for seed in range(3_000)
        for prompt in RandomPrompts().choose(pool, {}, 3, np.random.default_rng(seed))
    )
    assert sum((count - 900) ** 2 / 900 for count in drawn.values()) < 27.9  # chi-square, 9 d.o.f., 99.9%


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.integers(0, 20)), min_size=1, max_size=6),
    st.integers(0, 80),
)
def test_quotas_fill_the_total_and_respect_what_is_available(groups: list[tuple[float, int]], total: int) -> None:
    weights, available = np.array([g[0] for g in groups]), np.array([g[1] for g in groups])
    quotas = fill_quotas(weights, available, total)
    assert quotas.sum() == min(total, available.sum())
    assert (quotas >= 0).all()
    assert (quotas <= available).all()
    per_weight = quotas / weights
    for k in np.flatnonzero(quotas < available):  # a group with room is at most one place behind every other
        assert ((quotas - 1) / weights <= per_weight[k] + 1 / weights[k] + 1e-9).all()


def test_an_empty_pool_is_refused() -> None:
    for chooser in (WeakTopics(), RandomPrompts()):
        with pytest.raises(DataError, match=r"the pool holds 0, and at least 1 is needed\. Give it more"):
            chooser.choose([], {}, 3, np.random.default_rng(0))


def test_wanting_no_prompt_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"count=0: at least 1 prompt must be wanted"):
        RandomPrompts().choose(pool_of(["sums"]), {}, 0, np.random.default_rng(0))


def test_impossible_accuracies_and_floors_are_refused() -> None:
    pool = pool_of(["sums"])
    with pytest.raises(ConfigError, match=r"accuracy nan for the topic 'sums'; allowed are floors above 0"):
        WeakTopics().choose(pool, {"sums": float("nan")}, 1, np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"the floor 0 and"):
        WeakTopics(floor=0).choose(pool, {"sums": 0.5}, 1, np.random.default_rng(0))
