from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula import EasyFirst, Shuffled, TeacherLabel, plan
from curricula.mixtures.base import Moment
from curricula.mixtures.prefix import PrefixPool, some_of
from curricula.pacing import Steady
from curricula.pacing.root import RootPacing
from curricula.pool import Pool
from lessons.lesson_set import LessonSet

BY = "teacher_difficulty"


@given(size=st.integers(1, 30), count=st.integers(0, 70), seed=st.integers(0, 99))
def test_nothing_comes_twice_more_often_than_another(size: int, count: int, seed: int) -> None:
    times = np.bincount(some_of(size, count, np.random.default_rng(seed)), minlength=size)
    assert times.sum() == count
    assert len(times) == size
    assert times.max() - times.min() <= 1


@settings(deadline=None, max_examples=30)
@given(st.permutations([k / 40 for k in range(40)]), st.integers(0, 9))
def test_an_update_draws_from_what_the_pacing_has_opened(
    make_lessons: Callable[..., LessonSet], labels: list[float], seed: int
) -> None:
    pacing = RootPacing(0.1, 2, 0.8)
    made = plan(
        make_lessons(labels), [TeacherLabel()], EasyFirst(), BY, 3, seed=seed, mixture=PrefixPool(pacing),
        lessons_per_update=4,
    ).curriculum  # fmt: skip
    assert len(made) == 120
    for update in range(30):
        opened = max(1, math.ceil(pacing.share(update / 30, {}) * 40))
        scores = made.score[4 * update : 4 * update + 4]
        assert scores.max() <= (opened - 1) / 40 + 1e-12
        assert len(set(scores)) == 4


def test_a_window_leaves_the_easiest_behind(make_lessons: Callable[..., LessonSet]) -> None:
    lessons = make_lessons([k / 100 for k in range(100)])
    mixture = PrefixPool(RootPacing(0.2, 1, 1.0), window=0.2)
    made = plan(lessons, [TeacherLabel()], EasyFirst(), BY, 4, mixture=mixture, lessons_per_update=10).curriculum
    last = made.score[-10:]
    assert last.min() >= 0.75
    assert made.score[:10].max() <= 0.2


def test_the_control_grows_alike_in_no_order(make_lessons: Callable[..., LessonSet]) -> None:
    lessons = make_lessons([k / 100 for k in range(100)])
    mixture = PrefixPool(RootPacing(0.1, 2, 1.0))
    made = plan(lessons, [TeacherLabel()], Shuffled(), BY, 4, mixture=mixture, lessons_per_update=10).curriculum
    assert len(set(made.lesson_ids[:10])) == 10
    assert made.score[:10].max() > 0.5


def test_inside_what_is_open_every_lesson_is_as_likely(make_pool: Callable[..., Pool]) -> None:
    """A batch is drawn evenly from the lessons whose rank is at most c: 30 of 100, each in 8 of 30 updates of 8."""
    pool, mixture = make_pool(score=[0.5] * 100), PrefixPool(Steady(0.3))
    drawn = np.concatenate([mixture.draw(pool, {}, Moment(k, 3_000, 8, 1)).places for k in range(3_000)])
    times = np.bincount(drawn, minlength=100)
    assert (times[30:] == 0).all()
    expected, spread = 800, math.sqrt(3_000 * 8 / 30 * 22 / 30)
    assert (np.abs(times[:30] - expected) < 4.5 * spread).all()
