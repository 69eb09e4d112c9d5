from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula.feedback import Feedback
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.pool import Pool
from curricula.state import State
from curricula.timetable import Planned, Procedural
from lessons.errors import CheckpointMismatch, ConfigError

Make = Callable[..., Pool]


class Drifting(Mixture):
    """Draws at random from behind a point that moves with the loss it hears."""

    hears = True

    def start(self, pool: Pool) -> State:
        return {"from": np.zeros(1), "places": np.empty(0, np.int64)}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        return {"from": state["from"] + feedback.metric("loss"), "places": feedback.places}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        start = int(state["from"][0]) % len(pool)
        return even_weights(moment.generator().integers(start, len(pool), moment.count))


class Inventing(Mixture):
    """Names a lesson that is not there."""

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        return even_weights(np.full(moment.count, len(pool)))


def run(timetable: Procedural, start: int, stop: int, every: int) -> list[list[int]]:
    """Train: draw every update, and tell the loss of each `every`-th."""
    drawn = []
    for update in range(start, stop):
        drawn.append(timetable.draw(update).places.tolist())
        if (update + 1) % every == 0:
            timetable.hear(Feedback(update + 1, {"loss": 0.3 * update}))
    return drawn


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 5))
def test_the_ranks_share_out_what_is_planned(make_pool: Make, lessons: int, per_update: int, world: int) -> None:
    pool = make_pool(score=[0.5] * lessons)
    planned = Planned(np.arange(lessons)[::-1], np.arange(lessons) / 7, np.zeros(lessons, np.int32), per_update)
    drawn = Procedural(pool, Drifting(), 3, per_update, seed=1)
    for timetable in (planned, drawn):
        for update in range(timetable.updates):
            whole = timetable.draw(update)
            shares = [timetable.share(update, rank, world) for rank in range(world)]
            for rank, share in enumerate(shares):
                assert share.places.tolist() == whole.places[rank::world].tolist()
                assert share.weights.tolist() == whole.weights[rank::world].tolist()
            assert sum(len(share.places) for share in shares) == len(whole.places)
    every = np.concatenate([planned.draw(update).places for update in range(planned.updates)])
    assert every.tolist() == planned.positions.tolist()


@settings(deadline=None, max_examples=40)
@given(stop=st.integers(0, 12), every=st.integers(1, 5), delay=st.integers(0, 4))
def test_a_state_saved_at_any_update_gives_the_same_future(make_pool: Make, stop: int, every: int, delay: int) -> None:
    pool = make_pool(score=[0.5] * 50)
    whole = run(Procedural(pool, Drifting(), 12, 4, 3, delay), 0, 12, every)
    first = Procedural(pool, Drifting(), 12, 4, 3, delay)
    begun = run(first, 0, stop, every)
    saved = json.loads(json.dumps(first.state_dict()))
    second = Procedural(pool, Drifting(), 12, 4, 3, delay)
    second.load_state_dict(saved)
    assert begun + run(second, stop, 12, every) == whole


@settings(deadline=None, max_examples=20)
@given(ahead=st.integers(0, 4), every=st.integers(1, 5))
def test_a_loader_that_is_ahead_by_no_more_than_the_delay_changes_nothing(
    make_pool: Make, ahead: int, every: int
) -> None:
    pool = make_pool(score=[0.5] * 50)
    patient = run(Procedural(pool, Drifting(), 12, 4, 3, delay=ahead), 0, 12, every)
    hasty = Procedural(pool, Drifting(), 12, 4, 3, delay=ahead)
    drawn: list[list[int]] = []
    for update in range(12):
        while len(drawn) < min(12, update + 1 + ahead):
            drawn.append(hasty.draw(len(drawn)).places.tolist())
        if (update + 1) % every == 0:
            hasty.hear(Feedback(update + 1, {"loss": 0.3 * update}))
    assert drawn == patient


def test_lessons_outside_the_pool_are_not_heard_of(make_pool: Make) -> None:
    pool = make_pool(score=[0.5] * 5).subset(np.array([1, 3]))
    timetable = Procedural(pool, Drifting(), 3, 2, 0)
    timetable.hear(Feedback(1, {"loss": 0.0}, places=np.array([3, 0]), lessons={"loss": np.array([1.0, 2.0])}))
    assert timetable.states[-1][1]["places"].tolist() == [1]
    assert set(timetable.draw(1).places.tolist()) <= {1, 3}


def test_feedback_out_of_order_is_refused(make_pool: Make) -> None:
    timetable = Procedural(make_pool(score=[0.5] * 5), Drifting(), 9, 2, 0)
    timetable.hear(Feedback(4, {"loss": 1.0}))
    with pytest.raises(ConfigError, match=r"update 4 came after that of update 4; it must come in order"):
        timetable.hear(Feedback(4, {"loss": 1.0}))
    timetable.hear(Feedback(6, {"loss": 1.0}))
    with pytest.raises(CheckpointMismatch, match=r"Update 2 cannot be drawn any more: the plan has heard of update 6"):
        timetable.draw(2)


def test_a_checkpoint_with_another_delay_is_refused(make_pool: Make) -> None:
    pool = make_pool(score=[0.5] * 5)
    saved = Procedural(pool, Drifting(), 9, 2, 0, delay=1).state_dict()
    with pytest.raises(CheckpointMismatch, match=r"heeds feedback after 1 updates, this one after 2"):
        Procedural(pool, Drifting(), 9, 2, 0, delay=2).load_state_dict(saved)


def test_a_mixture_that_invents_lessons_is_caught(make_pool: Make) -> None:
    with pytest.raises(
        ConfigError, match=r"Inventing\.draw gave 2 lessons .* to 5 at update 0; it must give 2, from 0"
    ):
        Procedural(make_pool(score=[0.5] * 5), Inventing(), 3, 2, 0).draw(0)
