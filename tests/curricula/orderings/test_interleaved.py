from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula import EasyFirst, Shuffled
from curricula.orderings.interleaved import Interleaved
from curricula.pool import Pool
from lessons.errors import ConfigError

Make = Callable[..., Pool]


def interleaved_curriculum(difficulty: list[float], category: list[str], parts: int) -> list[int]:
    """The rule of the human-inspired orders, written out: sort inside each category, cut, emit part by part."""
    blocks = {
        name: sorted((k for k, c in enumerate(category) if c == name), key=lambda k: difficulty[k])
        for name in sorted(set(category))
    }
    cut = {name: np.array_split(np.array(block), parts) for name, block in blocks.items()}
    return [int(k) for part in range(parts) for name in sorted(cut) for k in cut[name][part]]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=25), st.integers(1, 5), st.randoms())
def test_parts_of_all_groups_come_in_turn(make_pool: Make, topics: list[str], parts: int, random: object) -> None:
    scores = [k / 25 for k in range(len(topics))]
    random.shuffle(scores)  # type: ignore[attr-defined]
    pool = make_pool(score=scores, topic=topics)
    made = Interleaved("topic", EasyFirst(), parts).arrange(pool, pool.values("score"), np.random.default_rng(0))
    assert made.order.tolist() == interleaved_curriculum(scores, topics, parts)


def test_mixed_parts_hold_all_groups_in_no_order(make_pool: Make) -> None:
    pool = make_pool(score=[0.5] * 40, topic=list("ab") * 20)
    made = Interleaved("topic", Shuffled(), 4, mixed=True).arrange(pool, pool.values("score"), np.random.default_rng(0))
    for part in range(4):
        topics = [int(k) % 2 for k in made.order[10 * part : 10 * part + 10]]
        assert sum(topics) == 5
        assert topics != sorted(topics)
    assert made.stage.tolist() == sorted([0, 1, 2, 3] * 10)


def test_no_parts_are_refused(make_pool: Make) -> None:
    pool = make_pool(score=[0.5], topic=["a"])
    with pytest.raises(ConfigError, match=r"parts=0; at least 1"):
        Interleaved("topic", Shuffled(), 0).arrange(pool, pool.values("score"), np.random.default_rng(0))
