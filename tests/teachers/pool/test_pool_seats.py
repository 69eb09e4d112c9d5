from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import Stopped
from teachers import Limits, ScriptedBackend
from teachers.backend import Fatal, RateLimited, Transient
from teachers.calls.gate import Gate
from teachers.pool.pool_seats import PoolExhausted, Seat, Seats, chosen

TEACHER = ScriptedBackend("teachers.programs.addition:answer")
NOBODY: frozenset[str] = frozenset()


def seat(name: str, weight: float = 1.0) -> Seat:
    return Seat(name, TEACHER, weight, Gate(Limits()))


def seats(limits: list[Limits]) -> Seats:
    return Seats("p", [(name, TEACHER, 1.0, each) for name, each in zip("abcdef", limits, strict=False)])


@given(st.lists(st.floats(0.05, 20), min_size=1, max_size=6), st.integers(1, 300))
def test_after_any_number_of_calls_each_has_its_share(weights: list[float], calls: int) -> None:
    """No seat is ever ahead of its share by more than one call, nor behind by more than one for each other seat."""
    free = [seat(str(number), weight) for number, weight in enumerate(weights)]
    taken = Counter(chosen(free, NOBODY, 0.0).name for _ in range(calls))
    for one in free:
        share = calls * one.weight / sum(weights)
        assert share - len(weights) < taken[one.name] < share + 1 + 1e-6


def test_who_failed_the_call_and_who_rests_come_last() -> None:
    a, b, c = free = [seat("a", 100.0), seat("b"), seat("c")]
    b.rest_until = 10.0
    assert {chosen(free, frozenset("a"), 5.0).name for _ in range(5)} == {"c"}
    assert {chosen([a, b], frozenset("a"), 5.0).name for _ in range(5)} == {"b"}, "rather a resting one than the same"
    assert chosen([a], frozenset("a"), 5.0) is a, "rather the same one than nobody"
    assert {chosen([a, b, c], frozenset(), 5.0).name for _ in range(5)} == {"a"}


def test_failures_in_a_row_make_a_member_rest_longer_and_an_answer_wakes_it() -> None:
    one = seat("a")
    now = 100.0
    one.gate.clock = lambda: now
    rests = []
    for _ in range(10):
        permit = one.admit(1, 1)
        one.note(permit, Transient())
        rests.append(one.rest_until - now)
        one.note(permit, Transient())  # sent at the same time: tells nothing new
        assert one.rest_until - now in (rests[-1], 2.0)
        now += 1_000
    assert rests[0] == float("-inf")
    assert rests[-1] == Limits().longest_wait_seconds
    one.note(one.admit(1, 1), None)
    assert one.rest_until < now


def test_a_refused_member_is_passed_over_and_the_others_go_on() -> None:
    async def work() -> Counter[str]:
        found = seats([Limits(), Limits()])
        first, permit = await found.take(1, 1, NOBODY)
        first.note(permit, RateLimited(60.0))
        found.give_back(first, permit)
        taken = [await found.take(1, 1, NOBODY) for _ in range(10)]
        return Counter(one.name for one, _ in taken)

    assert asyncio.run(work()) == {"b": 10}


def test_first_come_first_served_as_places_open() -> None:
    async def work() -> list[int]:
        found = seats([Limits(in_flight=1), Limits(in_flight=1)])
        held = [await found.take(1, 1, NOBODY) for _ in range(2)]
        assert {one.name for one, _ in held} == {"a", "b"}
        order: list[int] = []

        async def come(number: int) -> None:
            one, permit = await found.take(1, 1, NOBODY)
            order.append(number)
            await asyncio.sleep(0)
            found.give_back(one, permit)

        tasks = [asyncio.ensure_future(come(number)) for number in range(6)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        for one, permit in held:
            found.give_back(one, permit)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(one.gate.under_way == 0 for one in found.seats)
        return order

    assert asyncio.run(work()) == [0, 1, 3, 4, 5]


def test_a_seat_given_and_cancelled_in_the_same_moment_is_free_again() -> None:
    async def work() -> None:
        found = seats([Limits(in_flight=1)])
        one, permit = await found.take(1, 1, NOBODY)
        waits = asyncio.ensure_future(found.take(1, 1, NOBODY))
        await asyncio.sleep(0)
        found.give_back(one, permit)  # gives it to the one that waits ...
        waits.cancel()  # ... which goes away before it looks
        await asyncio.gather(waits, return_exceptions=True)
        await asyncio.wait_for(found.take(1, 1, NOBODY), 5)

    asyncio.run(work())


def test_when_the_last_member_is_out_everybody_is_told_why() -> None:
    async def work() -> None:
        found = seats([Limits(in_flight=1), Limits(in_flight=1)])
        (a, _), (b, _) = [await found.take(1, 1, NOBODY) for _ in range(2)]
        waits = asyncio.ensure_future(found.take(1, 1, NOBODY))
        await asyncio.sleep(0)
        assert found.drop(a, "bad key")
        assert not found.drop(a, "again")
        assert found.drop(b, "no money")
        await waits

    with pytest.raises(PoolExhausted, match=r"No member of the pool 'p'.*\(a: bad key; b: no money\).*add a member"):
        asyncio.run(work())


def test_who_waits_for_a_member_is_told_that_the_run_stops() -> None:
    async def work() -> None:
        found = seats([Limits(in_flight=1)])
        await found.take(1, 1, NOBODY)
        waits = asyncio.ensure_future(found.take(1, 1, NOBODY))
        await asyncio.sleep(0)
        found.stop(Stopped("enough"))
        with pytest.raises(Stopped, match="enough"):
            await waits
        await found.take(1, 1, NOBODY)

    with pytest.raises(Stopped, match="enough"):
        asyncio.run(work())


def test_a_limit_of_a_member_is_waited_for_without_polling() -> None:
    """Two calls a second from one member: the third waits for its moment."""

    async def work() -> int:
        found = seats([Limits(requests_per_minute=600)])
        pumped = 0
        original = found.pump

        def pump() -> None:
            nonlocal pumped
            pumped += 1
            original()

        found.pump = pump  # type: ignore[method-assign]
        for _ in range(4):
            one, permit = await found.take(1, 1, NOBODY)
            found.give_back(one, permit)
        return pumped

    assert asyncio.run(work()) <= 16


def test_a_fatal_error_of_one_request_leaves_the_member_alone() -> None:
    one = seat("a")
    one.note(one.admit(1, 1), Fatal())
    assert one.out is None
