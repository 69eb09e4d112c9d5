from __future__ import annotations

import pytest

from teachers.calls.brake import FEW, IN_A_ROW, KEEP, LET_GO, RISE_PER_SECOND, Brake, Tally
from teachers.calls.limits import Limits


def steady(rate: float, seconds: float) -> tuple[Brake, float]:
    """A brake after so many calls a second, all accepted."""
    brake, now = Brake(Limits(), 0.0), 0.0
    for _ in range(int(rate * seconds)):
        now += 1 / rate
        brake.take(now)
        brake.accepted(now)
    return brake, now


def refuse(brake: Brake, sent_at: float, wait: float | None, now: float) -> None:
    """As many refusals as are no chance."""
    for _ in range(IN_A_ROW):
        brake.refused(sent_at, wait, now)


def test_the_rate_falls_by_a_share_and_rises_by_equal_steps() -> None:
    brake, now = steady(20, 30)
    assert brake.rate(now) == float("inf")
    refuse(brake, now, 2.0, now)
    free = now + 2.0
    assert brake.ready_at(now) == free
    slow = brake.rate(free)
    assert slow == pytest.approx(KEEP * 20, rel=0.05)
    steps = [brake.rate(free + second) - brake.rate(free + second - 1) for second in range(1, 20)]
    assert steps == pytest.approx([slow / KEEP * RISE_PER_SECOND] * 19)
    assert brake.rate(free + (LET_GO - KEEP) / RISE_PER_SECOND + 1) == float("inf")


def test_calls_under_way_at_a_refusal_slow_nobody_twice() -> None:
    brake, now = steady(20, 30)
    refuse(brake, now, 1.0, now)
    slow = brake.rate(now)
    for _ in range(50):
        brake.refused(now - 0.5, 1.0, now + 0.1)  # sent before the brake was put on
    assert brake.rate(now) == slow
    brake.refused(now + 5, 1.0, now + 5.5)
    assert brake.rate(now + 5.5) < slow


def test_waits_grow_where_the_provider_does_not_say() -> None:
    brake = Brake(Limits(first_wait_seconds=1.0, longest_wait_seconds=10.0), 0.0)
    now, waits = 0.0, []
    for _ in range(6):
        brake.refused(now, None, now)
        waits.append(brake.resume_at - now)
        now = brake.resume_at + 0.1
    assert 1.0 <= waits[0] <= 2.0
    assert all(5.0 <= wait <= 10.0 for wait in waits[3:])
    brake.accepted(now)
    assert brake.pauses_in_a_row == 0


def test_retry_after_zero_does_not_spin() -> None:
    brake = Brake(Limits(first_wait_seconds=1.0), 0.0)
    brake.refused(0.0, 0.0, 0.0)
    assert brake.resume_at == pytest.approx(0.1)


def test_a_tally_forgets() -> None:
    tally = Tally(0.0)
    for k in range(100):
        tally.add(k * 0.1)
    assert tally.rate(10.0) == pytest.approx(10, rel=0.1)
    tally.add(30.0)
    tally.add(40.0)
    assert tally.rate(40.0) <= 0.2


def test_refusals_of_few_calls_slow_nobody_else() -> None:
    brake, now = steady(20, 30)
    for k in range(2_000):
        now += 0.05
        brake.take(now)
        if k % 20 == 0:  # 5% of the calls, whatever the rate
            brake.refused(now, None, now)
            assert brake.ready_at(now) <= now
        else:
            brake.accepted(now)
    assert brake.rate(now) == float("inf")
    brake.refused(now, 3.0, now)
    assert brake.ready_at(now) == now + 3.0  # said to everybody
    assert brake.rate(now) == float("inf")


def test_refusals_of_many_calls_slow_all() -> None:
    brake, now = steady(20, 30)
    for k in range(100):
        now += 0.05
        if k % 3 == 0:
            brake.refused(now, None, now)
        else:
            brake.accepted(now)
    assert FEW < 1 / 3
    assert brake.rate(now) < 20
