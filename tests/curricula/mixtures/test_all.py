"""What holds for every mixture: it conserves, repeats itself exactly, and goes on from any saved state."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curricula.mixtures
from curricula.feedback import Feedback
from curricula.mixtures import (
    BestHeard,
    CyclicPasses,
    Dial,
    GaussianRank,
    GroupGap,
    GroupMixture,
    GroupStages,
    LearningProgress,
    Linked,
    LossByLoss,
    Mixture,
    PrefixPool,
    RandomSubsets,
    Replay,
    SelfPaced,
    SkillIt,
    SkipEasy,
    SlidingBell,
    SpacedRepeats,
    Thompson,
    UpperConfidence,
    ViewBy,
    WeightedDraw,
    WeightedLoss,
)
from curricula.pacing import Gate, Glide, RootPacing, Stages, Steady, Swing
from curricula.pool import Pool
from curricula.timetable import Procedural

Make = Callable[..., Pool]
MIXTURES: list[Mixture] = [
    BestHeard("loss", 0.3, keep=0.5),
    CyclicPasses("score"),
    Dial(PrefixPool(Steady()), Gate([0.0, 0.5, 1.0], threshold=0.5, patience=2), views=3, spread="between"),
    GaussianRank(3.0, 6.0),
    GroupGap("topic", "loss"),
    GroupMixture("topic", temperature=2.0),
    GroupStages("topic", carry=0.25),
    LearningProgress("topic", interest="score"),
    Linked(PrefixPool(Steady()), "family"),
    LossByLoss(PrefixPool(Steady()), "loss", temperature=0.5, lowest=0.1),
    PrefixPool(Gate([0.2, 0.6, 1.0], threshold=0.5, patience=2), window=0.5),
    PrefixPool(RootPacing(0.1)),
    RandomSubsets(0.3),
    Replay(PrefixPool(Swing()), "topic", ["b", "a"], Steady(0.3), power=1.0),
    SelfPaced(RootPacing(0.2), balance="topic"),
    SkillIt("topic", {"a": {"b": 0.5}}, scaled=True),
    SkipEasy(begin=0.1, window=8, terms=64),
    SlidingBell(Glide(), 0.1),
    SpacedRepeats(7, 2),
    Thompson("topic", "accuracy"),
    UpperConfidence("topic", "accuracy", choices=3),
    ViewBy(Linked(PrefixPool(Steady()), "family"), "family"),
    WeightedDraw("score", 0.5),
    WeightedLoss(GroupStages("topic", cumulative=True), "score", Stages([0.2, 0.8])),
]
mixtures = st.sampled_from(MIXTURES)


def pool_of(make_pool: Make, size: int) -> Pool:
    generator = np.random.default_rng(size)
    pool = make_pool(
        score=(generator.random(size) + 0.01).tolist(),
        topic=[*"abc", *generator.choice(list("abc"), size - 3)],
        family=generator.integers(0, 4, size).tolist(),
    )
    return pool.ordered(generator.permutation(size))


def feedback(update: int, size: int) -> Feedback:
    generator = np.random.default_rng([update, size])
    figures = {name: dict(zip("abc", generator.random(3).tolist(), strict=True)) for name in ("loss", "accuracy")}
    places = generator.permutation(size)[: size // 2]
    lessons = {"loss": np.where(generator.random(len(places)) < 0.1, np.nan, generator.random(len(places)))}
    return Feedback(update, {"loss": generator.random(), "accuracy": generator.random()}, figures, places, lessons)


def run(
    timetable: Procedural, start: int, stop: int, every: int
) -> list[tuple[list[int], list[float], list[int], int]]:
    drawn = []
    for update in range(start, stop):
        draw = timetable.draw(update)
        views = [] if draw.views is None else draw.views.tolist()
        drawn.append((draw.places.tolist(), draw.weights.tolist(), views, draw.stage))
        if (update + 1) % every == 0:
            timetable.hear(feedback(update + 1, len(timetable.pool)))
    return drawn


@settings(deadline=None, max_examples=150)
@given(mixture=mixtures, size=st.integers(3, 40), count=st.integers(1, 12), every=st.integers(1, 4), data=st.data())
def test_every_mixture_conserves_repeats_itself_and_resumes(
    make_pool: Make, mixture: Mixture, size: int, count: int, every: int, data: st.DataObject
) -> None:
    updates, seed = 9, data.draw(st.integers(0, 5))
    pool = pool_of(make_pool, size)
    whole = run(Procedural(pool, mixture, updates, count, seed), 0, updates, every)
    for places, weights, views, _ in whole:
        assert len(places) == len(weights) == count
        assert len(views) in (0, count)
        assert min(views, default=0) >= 0
        assert set(places) <= set(range(size))
        assert min(weights) >= 0
    if not isinstance(mixture.__dict__.get("pacing"), Swing):
        assert [stage for *_, stage in whole] == sorted(stage for *_, stage in whole)
    stop = data.draw(st.integers(0, updates))
    first = Procedural(pool_of(make_pool, size), mixture, updates, count, seed)
    begun = run(first, 0, stop, every)
    second = Procedural(pool_of(make_pool, size), mixture, updates, count, seed)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert begun + run(second, stop, updates, every) == whole


@pytest.mark.parametrize("mixture", MIXTURES, ids=lambda mixture: type(mixture).__name__)
def test_one_update_may_be_drawn_without_those_before(make_pool: Make, mixture: Mixture) -> None:
    pool = pool_of(make_pool, 30)
    timetable = Procedural(pool, mixture, 20, 5, 1)
    forwards = [timetable.draw(update).places.tolist() for update in range(20)]
    backwards = [timetable.draw(update).places.tolist() for update in reversed(range(20))]
    assert forwards == backwards[::-1]
    assert Procedural(pool, mixture, 20, 5, 1).draw(13).places.tolist() == forwards[13]


@pytest.mark.parametrize("mixture", MIXTURES, ids=lambda mixture: type(mixture).__name__)
def test_a_mixture_says_truly_whether_it_follows_the_order(make_pool: Make, mixture: Mixture) -> None:
    pool = pool_of(make_pool, 30)
    one, other = (
        [Procedural(pool.ordered(order), mixture, 20, 5, 1).draw(update).places.tolist() for update in range(20)]
        for order in (np.arange(30), np.arange(30)[::-1])
    )
    assert mixture.follows_order == (one != other)


@pytest.mark.parametrize("mixture", MIXTURES, ids=lambda mixture: type(mixture).__name__)
def test_feedback_changes_nothing_that_was_there_before(make_pool: Make, mixture: Mixture) -> None:
    pool = pool_of(make_pool, 30)
    state = mixture.start(pool)
    before = json.dumps(curricula.state.pack(state))
    after = mixture.hear(pool, state, feedback(1, 30))
    assert json.dumps(curricula.state.pack(state)) == before
    assert mixture.hears == (json.dumps(curricula.state.pack(after)) != before)


def test_every_mixture_is_tested_here() -> None:
    known = {type(mixture).__name__ for mixture in MIXTURES}
    assert known == {
        name
        for name in curricula.mixtures.__all__
        if isinstance(part := getattr(curricula.mixtures, name), type) and issubclass(part, Mixture) and part != Mixture
    }
