from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula import EasyFirst, Shuffled, TeacherLabel, Tiers, plan
from curricula.orderings.base import Ordering
from curricula.orderings.blocks import Blocked
from curricula.orderings.interleaved import Interleaved
from curricula.orderings.sorted_by import SortedBy
from curricula.pool import Pool
from curricula.signals.category import Category
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]
SCORES = [0.9, 0.1, 0.8, 0.2, 0.3]
TOPICS = ["b", "b", "a", "a", "c"]


def arranged(ordering: Ordering, pool: Pool, seed: int = 0) -> tuple[list[int], list[int]]:
    made = ordering.arrange(pool, pool.values("score"), np.random.default_rng(seed))
    return made.order.tolist(), made.stage.tolist()


def test_blocked_curriculum_is_topic_after_topic_each_easy_first(make_pool: Make) -> None:
    pool = make_pool(score=SCORES, topic=TOPICS)
    assert arranged(Blocked("topic", EasyFirst()), pool) == ([3, 2, 1, 0, 4], [0, 0, 1, 1, 2])
    assert arranged(Blocked("topic", EasyFirst(), sequence_of=["c", "b", "a"]), pool)[0] == [4, 1, 0, 3, 2]
    assert arranged(Blocked("topic", EasyFirst(), groups="easy_first"), pool)[0] == [4, 3, 2, 1, 0]


def test_shuffled_blocks_come_in_another_order_each_time_and_stay_whole(make_pool: Make) -> None:
    pool = make_pool(score=SCORES, topic=TOPICS)
    orders = {tuple(arranged(Blocked("topic", Shuffled(), "shuffled"), pool, seed)[0]) for seed in range(40)}
    assert len(orders) > 12
    for order in orders:
        topics = [TOPICS[k] for k in order]
        assert sum(a != b for a, b in pairwise(topics)) == 2


def test_tiers_inside_blocks_make_stages_of_their_own(make_pool: Make) -> None:
    pool = make_pool(score=SCORES, topic=TOPICS)
    assert arranged(Blocked("topic", Tiers(2)), pool) == ([3, 2, 1, 0, 4], [0, 1, 2, 3, 4])


def test_topics_mixed_level_by_level(make_pool: Make) -> None:
    """CORGI: the outer key is the level, and inside each level all topics are mixed by the course's difficulty."""
    pool = make_pool(
        score=[0.0] * 8, bloom=[1, 1, 1, 1, 2, 2, 2, 2], topic=list("xyxyxyxy"), course=[2, 2, 1, 1, 1, 1, 2, 2]
    )
    ordering = Blocked("bloom", Interleaved("topic", SortedBy(["course"]), parts=2, mixed=True))
    order, stage = arranged(ordering, pool)
    assert [sorted(order[k : k + 2]) for k in (0, 2, 4, 6)] == [[2, 3], [0, 1], [4, 5], [6, 7]]
    assert stage == [0, 0, 1, 1, 2, 2, 3, 3]


orderings = st.sampled_from(
    [
        Blocked("topic", Shuffled()),
        Blocked("topic", EasyFirst(), "easy_first"),
        Interleaved("topic", EasyFirst(), 3),
        Interleaved("topic", Blocked("grade", Shuffled()), 2, mixed=True),
        SortedBy(["topic", "-score"]),
    ]
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc"), st.integers(1, 2)), min_size=1, max_size=20),
       orderings, st.integers(0, 9))  # fmt: skip
def test_every_order_keeps_every_lesson_once(
    make_pool: Make, rows: list[tuple[int, str, int]], ordering: Ordering, seed: int
) -> None:
    scores, topics, grades = zip(*rows, strict=True)
    pool = make_pool(score=scores, topic=topics, grade=grades)
    order, stage = arranged(ordering, pool, seed)
    assert sorted(order) == list(range(len(rows)))
    assert stage[0] == 0
    assert set(np.diff(stage)) <= {0, 1}
    assert arranged(ordering, pool, seed) == (order, stage)


def test_a_plan_of_blocks_goes_through_passes(make_lessons: Callable) -> None:
    lessons = make_lessons(SCORES, [{"skill": topic} for topic in TOPICS])
    signals = [TeacherLabel(), Category("metadata.skill")]
    made = plan(lessons, signals, Blocked("skill", EasyFirst()), "teacher_difficulty", passes=2).curriculum
    assert made.lesson_ids.tolist() == ["p3", "p2", "p1", "p0", "p4"] * 2
    assert made.stage.tolist() == [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]
    assert made.tiers_per_pass == 3


def test_what_cannot_be_ordered_is_refused(make_pool: Make) -> None:
    pool = make_pool(score=[0.1, None], topic=["a", "b"])
    with pytest.raises(DataError, match=r"the group 'b' cannot be placed: none of its 1 lessons has a score"):
        arranged(Blocked("topic", Shuffled(), "easy_first"), pool)
    with pytest.raises(ConfigError, match=r"groups='random'; allowed are 'listed', 'shuffled' and 'easy_first'"):
        arranged(Blocked("topic", Shuffled(), "random"), pool)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"`sequence_of` does not name the group 'b'"):
        arranged(Blocked("topic", Shuffled(), sequence_of=["a"]), pool)
    with pytest.raises(DataError, match=r"no signal 'grade'; there are: score, topic"):
        arranged(Blocked("grade", Shuffled()), pool)
    with pytest.raises(ConfigError, match=r"Blocked cannot order by 2 scores alone"):
        Blocked("topic", Shuffled()).order(pool.values("score"), np.random.default_rng(0))
