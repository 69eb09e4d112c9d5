from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.batches.batch_trip import Place
from teachers.batches.batching import Batches
from teachers.batches.filling import Filling
from teachers.calls.budget import Cost
from tests.teachers.batches.batch_teacher import Room, RoomAPI
from tests.teachers.calls.virtual_time import run_virtually

QUIET = 2.0
PAUSES = (0.7, 1.1, 3.1)  # no sum of the first two is QUIET: whether a batch went before a request came is never a tie


@dataclass
class Filled:
    """What came of a series of requests: when each was added, and when which batches were sent off."""

    sizes: list[int] = field(default_factory=list)
    added_at: list[float] = field(default_factory=list)
    sent: list[list[int]] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


def fill(
    requests: list[tuple[float, int]],
    largest: int = 3,
    largest_batch: int = 1_000,
    largest_bytes: int = 100,
    rest: float = QUIET + 1,
) -> Filled:
    """Add requests of these sizes, each after a pause, and stop after a rest."""
    filled, api = Filled(), RoomAPI(Room())
    api.largest_batch, api.largest_bytes = largest_batch, largest_bytes

    async def work() -> None:
        loop = asyncio.get_running_loop()

        def send_off(places: list[Place]) -> None:
            filled.sent.append([int(place.key) for place in places])
            filled.sent_at.append(loop.time())

        filling = Filling(api, Batches(largest=largest, quiet_seconds=QUIET), send_off)
        for pause, size in requests:
            if pause:
                await asyncio.sleep(pause)
            filled.sizes.append(size)
            filled.added_at.append(loop.time())
            filling.add(Place(str(len(filled.added_at) - 1), Cost()), size)
        await asyncio.sleep(rest)
        filled.left = [int(place.key) for place in filling.stop()]
        await asyncio.sleep(10 * QUIET)

    run_virtually(work())
    return filled


@pytest.mark.parametrize(("largest", "largest_batch"), [(3, 9), (9, 3)])
def test_a_full_batch_goes_at_once_and_the_rest_when_it_is_quiet(largest: int, largest_batch: int) -> None:
    filled = fill([(0, 1)] * 7, largest, largest_batch)
    assert filled.sent == [[0, 1, 2], [3, 4, 5], [6]]
    start = filled.added_at[0]
    assert filled.sent_at == [start, start, start + QUIET]


def test_bytes_that_just_fit_fill_a_batch_and_one_more_begins_another() -> None:
    assert fill([(0, 60), (0, 40)]).sent == [[0, 1]]
    assert fill([(0, 60), (0, 41)]).sent == [[0], [1]]
    assert fill([(0, 60), (0, 41), (0, 59), (0, 1)]).sent == [[0], [1, 2], [3]]


def test_what_is_too_large_for_any_batch_goes_alone_and_never_behind_an_empty_one() -> None:
    assert fill([(0, 500), (0, 1), (0, 500)]).sent == [[0], [1], [2]]


def test_quiet_counts_from_the_last_request_not_the_first() -> None:
    filled = fill([(0, 1), (1.5, 1)])
    assert filled.sent == [[0, 1]]
    assert filled.sent_at == [filled.added_at[1] + QUIET]


def test_quiet_counts_anew_in_the_batch_after_a_full_one() -> None:
    filled = fill([(0, 1)] * 3 + [(1.5, 1)])
    assert filled.sent == [[0, 1, 2], [3]]
    assert filled.sent_at == [filled.added_at[0], filled.added_at[3] + QUIET]


def test_a_batch_after_a_long_pause_is_waited_for_like_the_first() -> None:
    filled = fill([(0, 1), (100, 1)])
    assert filled.sent == [[0], [1]]
    assert filled.sent_at == [when + QUIET for when in filled.added_at]


def test_what_is_collected_when_it_stops_is_given_back_and_never_sent() -> None:
    filled = fill([(0, 1)] * 5, rest=QUIET / 2)
    assert (filled.sent, filled.left) == ([[0, 1, 2]], [3, 4])
    assert fill([], rest=0).left == []


def test_what_comes_after_it_stopped_is_waited_for_no_more() -> None:
    sent: list[list[Place]] = []

    async def work() -> list[Place]:
        filling = Filling(RoomAPI(Room()), Batches(quiet_seconds=QUIET), sent.append)
        filling.add(Place("0", Cost()), 1)
        filling.stop()
        filling.add(Place("1", Cost()), 1)
        await asyncio.sleep(10 * QUIET)
        return filling.stop()

    assert [place.key for place in run_virtually(work())] == ["1"]
    assert sent == []


@given(
    st.lists(st.tuples(st.sampled_from((0.0, *PAUSES)), st.integers(1, 60)), max_size=30),
    st.integers(1, 6),
    st.sampled_from((0.3, QUIET + 1)),
)
def test_every_request_goes_once_in_its_turn_and_every_batch_for_one_of_three_reasons(
    requests: list[tuple[float, int]], largest: int, rest: float
) -> None:
    filled = fill(requests, largest, rest=rest)
    assert [k for batch in filled.sent for k in batch] + filled.left == list(range(len(requests)))
    for batch, sent_at in zip(filled.sent, filled.sent_at, strict=True):
        last = batch[-1]
        size = sum(filled.sizes[k] for k in batch)
        assert size <= 100
        assert len(batch) <= largest
        full = len(batch) == largest and sent_at == filled.added_at[last]
        quiet = sent_at == pytest.approx(filled.added_at[last] + QUIET)
        crowded = last + 1 < len(requests) and (
            sent_at == filled.added_at[last + 1] and size + filled.sizes[last + 1] > 100
        )
        assert full or quiet or crowded
    for batch in (*filled.sent, filled.left):
        assert all(filled.added_at[k] - filled.added_at[j] < QUIET for j, k in pairwise(batch))
