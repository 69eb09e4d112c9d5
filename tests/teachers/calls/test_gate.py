from __future__ import annotations

import asyncio
import bisect
import importlib.util
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons.errors import Stopped
from teachers.calls.gate import Gate
from teachers.calls.limits import Limits
from teachers.rate_news import RateNews, Window

spec = importlib.util.spec_from_file_location("virtual_time", Path(__file__).with_name("virtual_time.py"))
assert spec is not None
assert spec.loader is not None
virtual_time = importlib.util.module_from_spec(spec)
sys.modules["virtual_time"] = virtual_time
spec.loader.exec_module(virtual_time)


def make(limits: Limits) -> Gate:
    return Gate(limits, asyncio.get_running_loop().time)


def most_in_any_window(times: Sequence[float], amounts: Sequence[float], seconds: float = 60.0) -> float:
    """The largest sum over any half-open window [t, t + seconds)."""
    sums = [0.0]
    for amount in amounts:
        sums.append(sums[-1] + amount)
    return max(
        (sums[bisect.bisect_left(times, at + seconds)] - sums[start] for start, at in enumerate(times)), default=0.0
    )


async def call(gate: Gate, seconds: float, sent: list[float], read: float = 100, written: float = 50) -> None:
    permit = await gate.enter(read, written)
    sent.append(asyncio.get_running_loop().time())
    await asyncio.sleep(seconds)
    gate.answered()
    gate.leave(permit, read, written)


@pytest.mark.parametrize("rate", [1, 3, 10, 59, 60, 61, 100, 500, 6_000])
def test_a_limit_of_requests_is_used_and_never_exceeded(rate: int) -> None:
    minutes = 5 if rate < 1_000 else 2
    wanted = rate * minutes

    async def work() -> list[float]:
        sent: list[float] = []
        gate = make(Limits(in_flight=500, requests_per_minute=rate))
        await asyncio.gather(*(call(gate, 0.5, sent) for _ in range(wanted)))
        assert gate.under_way == 0
        return sent

    sent = virtual_time.run_virtually(work())
    assert most_in_any_window(sent, [1.0] * len(sent)) <= rate
    assert most_in_any_window(sent, [1.0] * len(sent), 1.0) <= rate / 60 + 1  # spread evenly, also at the start
    assert sent[-1] - sent[0] <= 60 * (wanted - 1) / rate / 0.97


@settings(max_examples=40, deadline=None)
@given(
    requests=st.none() | st.integers(1, 2_000),
    read=st.none() | st.integers(2_000, 200_000),
    written=st.none() | st.integers(2_000, 200_000),
    joint=st.none() | st.integers(2_000, 200_000),
    in_flight=st.sampled_from([1, 5, 100]),
    seed=st.integers(0, 2**32),
)
def test_no_minute_holds_more_than_any_limit(
    requests: int | None, read: int | None, written: int | None, joint: int | None, in_flight: int, seed: int
) -> None:
    generator = random.Random(seed)
    amounts = [(generator.randint(1, 1_500), generator.randint(1, 500)) for _ in range(400)]
    limits = Limits(
        in_flight=in_flight,
        requests_per_minute=requests,
        input_tokens_per_minute=read,
        output_tokens_per_minute=written,
        tokens_per_minute=joint,
    )

    async def work() -> list[tuple[float, int, int]]:
        sent = []
        gate = make(limits)

        async def one(tokens_read: int, tokens_written: int) -> None:
            permit = await gate.enter(tokens_read, tokens_written)
            sent.append((asyncio.get_running_loop().time(), tokens_read, tokens_written))
            await asyncio.sleep(generator.random())
            gate.leave(permit, tokens_read, tokens_written)
            gate.answered()

        await asyncio.gather(*(one(*amount) for amount in amounts))
        assert gate.under_way == 0
        return sent

    sent = virtual_time.run_virtually(work())
    times = [at for at, _, _ in sent]
    for limit, used in (
        (requests, [1.0] * len(sent)),
        (read, [float(r) for _, r, _ in sent]),
        (written, [float(w) for _, _, w in sent]),
        (joint, [float(r + w) for _, r, w in sent]),
    ):
        if limit is not None:
            assert most_in_any_window(times, used) <= limit + 1e-6


def test_estimates_come_down_to_what_calls_really_take() -> None:
    """Calls that may write 1,000 tokens and write 50 get through 15 times as often as their bound would allow."""

    async def work() -> list[float]:
        sent: list[float] = []
        gate = make(Limits(in_flight=50, output_tokens_per_minute=10_000))

        async def one() -> None:
            permit = await gate.enter(100, 1_000)
            sent.append(asyncio.get_running_loop().time())
            await asyncio.sleep(1.0)
            gate.leave(permit, 100, 50)

        await asyncio.gather(*(one() for _ in range(1_000)))
        return sent

    sent = virtual_time.run_virtually(work())
    assert most_in_any_window(sent, [50.0] * len(sent)) <= 10_000
    assert sent[-1] - sent[0] < 1.1 * 60 * 1_000 * 50 / 10_000


def test_a_call_larger_than_the_limit_goes_alone() -> None:
    async def work() -> list[float]:
        sent: list[float] = []
        gate = make(Limits(input_tokens_per_minute=100))
        await asyncio.gather(*(call(gate, 0.1, sent, read=250) for _ in range(3)))
        return sent

    sent = virtual_time.run_virtually(work())
    assert sent[1] - sent[0] > 60
    assert sent[2] - sent[1] > 60


def test_first_come_first_served() -> None:
    async def work() -> None:
        order: list[int] = []
        gate = make(Limits(in_flight=3, requests_per_minute=600))

        async def one(number: int) -> None:
            permit = await gate.enter(1, 1)
            order.append(number)
            await asyncio.sleep(0.3)
            gate.leave(permit)

        await asyncio.gather(*(one(number) for number in range(200)))
        assert order == list(range(200))

    virtual_time.run_virtually(work())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    in_flight=st.integers(1, 12),
    rate=st.none() | st.integers(30, 6_000),
    stop=st.booleans(),
)
def test_permits_never_leak(seed: int, in_flight: int, rate: int | None, stop: bool) -> None:
    """Whatever is cancelled, refused or stopped at whatever moment: all permits come back, the next gets through."""
    generator = random.Random(seed)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        gate = make(Limits(in_flight=in_flight, requests_per_minute=rate))
        most = 0

        async def one() -> None:
            nonlocal most
            permit = await gate.enter(10, 10)
            try:
                most = max(most, gate.under_way)
                await asyncio.sleep(generator.random())
                chance = generator.random()
                if chance < 0.2:
                    raise ConnectionError
                if chance < 0.3:
                    gate.refused(permit, generator.choice([None, 0.0, 1.0]))
                else:
                    gate.answered()
            finally:
                gate.leave(permit, 10, 10)

        tasks = [loop.create_task(one()) for _ in range(80)]
        for _ in range(20):
            await asyncio.sleep(generator.choice([0, 0.0, 0.1, 1.0]))
            generator.choice(tasks).cancel()
        if stop:
            gate.stop(Stopped("enough"))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(r is None or isinstance(r, ConnectionError | asyncio.CancelledError | Stopped) for r in results)
        assert gate.under_way == 0
        assert not gate.queue
        assert most <= in_flight
        if not stop:
            gate.leave(await gate.enter(10, 10))

    virtual_time.run_virtually(work())


def test_limits_are_learnt_from_headers() -> None:
    async def work() -> list[float]:
        sent: list[float] = []
        gate = make(Limits(in_flight=100))

        async def one() -> None:
            permit = await gate.enter(1, 1)
            sent.append(asyncio.get_running_loop().time())
            await asyncio.sleep(0.1)
            gate.hear(RateNews(requests=Window(300, 300 - len(sent), 60)))
            gate.leave(permit, 1, 1)
            gate.answered()

        await asyncio.gather(*(one() for _ in range(900)))
        return sent

    sent = virtual_time.run_virtually(work())
    assert most_in_any_window(sent, [1.0] * len(sent)) <= 300
    assert most_in_any_window(sent, [1.0] * len(sent), 1.0) <= 16 + 5  # the first calls are few


def test_what_others_use_of_the_same_limit_is_left_to_them() -> None:
    async def work() -> list[float]:
        sent: list[float] = []
        gate = make(Limits(in_flight=100))
        gate.hear(RateNews(requests=Window(60, 1, 30)))
        await asyncio.gather(*(call(gate, 0.1, sent) for _ in range(3)))
        return sent

    sent = virtual_time.run_virtually(work())
    assert sent[1] - sent[0] >= 29


def test_a_given_limit_is_not_raised_by_headers() -> None:
    async def work() -> None:
        gate = make(Limits(requests_per_minute=60))
        gate.hear(RateNews(requests=Window(1_000, 999, 1)))
        assert gate.requests.per_minute == 60

    virtual_time.run_virtually(work())


def test_a_refusal_slows_everyone_and_nothing_storms_back() -> None:
    """A provider that allows 10 calls a second and tells nothing: it is found out, and few calls are refused."""

    async def work() -> tuple[int, int, float]:
        loop = asyncio.get_running_loop()
        gate = make(Limits(in_flight=200, first_wait_seconds=1.0))
        accepted: list[float] = []
        refused = 0

        async def one() -> None:
            nonlocal refused
            while True:
                permit = await gate.enter(1, 1)
                await asyncio.sleep(0.05)
                now = loop.time()
                if sum(at > now - 1.0 for at in accepted[-20:]) >= 10:
                    refused += 1
                    gate.refused(permit, None)
                    gate.leave(permit)
                    continue
                accepted.append(now)
                gate.answered()
                gate.leave(permit, 1, 1)
                return

        started = loop.time()
        await asyncio.gather(*(one() for _ in range(3_000)))
        return len(accepted), refused, loop.time() - started

    accepted, refused, seconds = virtual_time.run_virtually(work())
    assert accepted == 3_000
    assert refused < 0.05 * accepted
    assert seconds < 3_000 / 10 * 1.5


def test_retry_after_is_honoured_by_all() -> None:
    async def work() -> list[float]:
        sent: list[float] = []
        gate = make(Limits(in_flight=10))
        permit = await gate.enter(1, 1)
        gate.refused(permit, 7.0)
        gate.leave(permit)
        await asyncio.gather(*(call(gate, 0.1, sent) for _ in range(20)))
        return sent

    sent = virtual_time.run_virtually(work())
    assert min(sent) >= 1_007.0
    assert max(sent) > min(sent)  # one by one, not all at once


def test_stopping_tells_those_who_wait() -> None:
    async def work() -> Any:
        gate = make(Limits(in_flight=1))
        await gate.enter(1, 1)
        waiting = asyncio.create_task(gate.enter(1, 1))
        await asyncio.sleep(0)
        gate.stop(Stopped("enough"))
        with pytest.raises(Stopped, match="enough"):
            await waiting
        with pytest.raises(Stopped, match="enough"):
            await gate.enter(1, 1)

    virtual_time.run_virtually(work())
