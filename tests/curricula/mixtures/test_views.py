from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curricula import (
    Curriculum,
    Dial,
    Glide,
    Linked,
    Mixture,
    PrefixPool,
    Replay,
    Shuffled,
    Steady,
    ViewBy,
    WeightedLoss,
    plan,
)
from curricula.from_rule import timetable_of
from curricula.mixtures.base import Moment
from curricula.pool import Pool
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

Make = Callable[..., Pool]


def views_of(mixture: Dial | ViewBy, pool: Pool, updates: int, count: int) -> list[list[int]]:
    state = mixture.start(pool)
    drawn = [mixture.draw(pool, state, Moment(t, updates, count, 0)).views for t in range(updates)]
    return [views.tolist() for views in drawn if views is not None]


def test_together_gives_every_view_as_long(make_pool: Make) -> None:
    """min(V - 1, floor(a V)) with a = t / T."""
    pool = make_pool(score=[1.0] * 10)
    assert views_of(Dial(PrefixPool(Steady()), Glide(), views=4), pool, 8, 2) == [
        [v, v] for v in (0, 0, 1, 1, 2, 2, 3, 3)
    ]
    assert views_of(Dial(PrefixPool(Steady()), Steady(1.0), views=4), pool, 2, 1) == [[3], [3]]


def test_between_draws_the_two_views_beside_the_dial(make_pool: Make) -> None:
    pool = make_pool(score=[1.0] * 10)
    for share in (0.0, 0.1, 0.5, 0.8, 1.0):
        drawn = np.concatenate(views_of(Dial(PrefixPool(Steady()), Steady(share), 4, "between"), pool, 400, 10))
        x = share * 3
        assert set(drawn) <= {int(x), min(3, int(x) + 1)}
        assert drawn.mean() == pytest.approx(x, abs=0.04)


def test_opened_draws_all_views_reached_evenly(make_pool: Make) -> None:
    pool = make_pool(score=[1.0] * 10)
    counts = Counter(np.concatenate(views_of(Dial(PrefixPool(Steady()), Steady(0.6), 4, "opened"), pool, 400, 10)))
    assert sorted(counts) == [0, 1, 2]
    assert all(n / 4_000 == pytest.approx(1 / 3, abs=0.03) for n in counts.values())


def test_lessons_and_weights_are_those_of_the_mixture_inside(make_pool: Make) -> None:
    pool, inner = make_pool(score=[1.0] * 30), PrefixPool(Glide(0.1))
    outer = Dial(inner, Glide(), 3, "between")
    for t in range(9):
        moment = Moment(t, 9, 5, 3)
        alone, dialled = inner.draw(pool, inner.start(pool), moment), outer.draw(pool, outer.start(pool), moment)
        assert dialled._replace(views=None).places.tolist() == alone.places.tolist()
        assert dialled.weights.tolist() == alone.weights.tolist()


def test_mixtures_around_a_dial_keep_its_views(make_pool: Make) -> None:
    pool = make_pool(topic=["new"] * 8 + ["old"] * 4, family=[0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    inner = Dial(PrefixPool(Steady()), Glide(), views=4)
    for mixture in (Replay(inner, "topic", ["old"], Steady(0.5)), Linked(inner, "family")):
        for t in range(8):
            drawn = mixture.draw(pool, mixture.start(pool), Moment(t, 8, 4, 0))
            assert drawn.views is not None
            assert drawn.views.tolist() == [t // 2] * 4


def test_a_signal_names_the_view_of_every_lesson(make_pool: Make) -> None:
    pool = make_pool(tier=[2, 0, 1, 1])
    mixture = ViewBy(Linked(PrefixPool(Steady()), "tier"), "tier")
    for t in range(6):
        drawn = mixture.draw(pool, mixture.start(pool), Moment(t, 6, 3, 0))
        assert drawn.views is not None
        assert drawn.views.tolist() == pool.values("tier")[drawn.places].tolist()
    pool = make_pool(half=[0, 0.5, 1, None])
    with pytest.raises(ConfigError, match=r"'half' names no view for 2 of 4 lessons, first 0.5 for .*'p1'.*Cutoffs"):
        ViewBy(PrefixPool(Steady()), "half").draw(pool, {}, Moment(0, 1, 1, 0))


@pytest.mark.parametrize("inside", [ViewBy(PrefixPool(Steady()), "tier"),
                                    WeightedLoss(ViewBy(PrefixPool(Steady()), "tier"), "tier")])  # fmt: skip
def test_views_named_for_other_lessons_are_refused(make_pool: Make, inside: Mixture) -> None:
    pool = make_pool(tier=[0, 1, 1, 1], topic=list("abab"))
    with pytest.raises(ConfigError, match=r"Linked got a mixture with ViewBy\('tier'\) inside .* around Linked"):
        Linked(inside, "topic").start(pool)
    with pytest.raises(ConfigError, match=r"Replay got a mixture with ViewBy\('tier'\) inside .* around Replay"):
        Replay(inside, "topic", ["a"], Steady(0.5)).start(pool)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_wrappers_in_any_order_that_is_allowed_give_every_lesson_its_own_view_and_weight(
    make_pool: Make, order: tuple[int, ...]
) -> None:
    pool = make_pool(
        tier=[k % 3 for k in range(24)],
        weight=[0.5 + k / 24 for k in range(24)],
        topic=["old" if k % 4 == 0 else "new" for k in range(24)],
        family=[k // 2 for k in range(24)],
    )
    wrappers: list[Callable[[Mixture], Mixture]] = [
        lambda inner: ViewBy(inner, "tier"),
        lambda inner: WeightedLoss(inner, "weight"),
        lambda inner: Replay(inner, "topic", ["old"], Steady(0.25)),
        lambda inner: Linked(inner, "family"),
    ]
    mixture: Mixture = PrefixPool(Steady())
    for number in order:
        mixture = wrappers[number](mixture)
    if order.index(0) < max(order.index(2), order.index(3)):
        with pytest.raises(ConfigError, match="Put ViewBy around"):
            mixture.start(pool)
        return
    for t in range(6):
        drawn = mixture.draw(pool, mixture.start(pool), Moment(t, 6, 8, 0))
        assert drawn.views is not None
        assert drawn.views.tolist() == pool.values("tier")[drawn.places].tolist()
        if order.index(1) > max(order.index(2), order.index(3)):
            assert drawn.weights.tolist() == pool.values("weight")[drawn.places].tolist()


def test_impossible_settings_are_refused(make_pool: Make) -> None:
    wrong: Any = "sideways"
    for dial in (Dial(PrefixPool(Steady()), Steady(), 0), Dial(PrefixPool(Steady()), Steady(), 2, wrong)):
        with pytest.raises(ConfigError, match=r"Dial got views=\d and spread='\w+'; allowed are 1 view.*Correct"):
            dial.start(make_pool(score=[1.0]))


def test_a_written_plan_holds_the_views_and_training_gets_them(
    make_lessons: Callable[..., LessonSet], tmp_path: Path
) -> None:
    lessons = make_lessons([float(k) for k in range(12)])
    mixture = Dial(PrefixPool(Steady()), Glide(), views=3, spread="between")
    made = plan(lessons, [], Shuffled(), passes=2, mixture=mixture, lessons_per_update=4).curriculum
    made.write(tmp_path)
    found = Curriculum.read(tmp_path)
    assert found.fingerprint == made.fingerprint
    assert found.view is not None
    assert made.view is not None
    assert found.view.tolist() == made.view.tolist()
    timetable = timetable_of(found, lessons, None, 4, np.ones(12, bool))
    for update in range(6):
        whole = timetable.draw(update).views
        assert whole is not None
        assert whole.tolist() == made.view[4 * update : 4 * update + 4].tolist()
        joined = np.full(4, -1)
        for rank in range(3):
            joined[rank::3] = timetable.share(update, rank, 3).views
        assert joined.tolist() == whole.tolist()
    plain = plan(lessons, [], Shuffled(), passes=2, mixture=PrefixPool(Steady()), lessons_per_update=4).curriculum
    assert plain.view is None
    assert plain.fingerprint != made.fingerprint
