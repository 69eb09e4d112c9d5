from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachers.calls.meter import GRAIN_SECONDS, WINDOW_SECONDS, Meter
from teachers.rate_news import Window


@settings(max_examples=100, deadline=None)
@given(limit=st.integers(1, 5_000), seed=st.integers(0, 2**32), largest=st.sampled_from([1, 10, 400]))
def test_no_minute_holds_more_than_the_limit_whatever_the_sizes(limit: int, seed: int, largest: int) -> None:
    """Also where estimates were too high, and calls come in bursts with breaks between them."""
    generator = random.Random(seed)
    meter, now, taken = Meter(limit), 0.0, []
    for _ in range(150):
        now += generator.choice([0.0, 0.0, 0.01, 1.0, 40.0])
        amount = generator.randint(1, min(largest, limit))
        now = max(now, meter.ready_at(amount, now))
        entry = meter.take(amount, now)
        really = generator.randint(0, amount)
        meter.correct(entry, really - amount, now + generator.random())
        taken.append((now, really))
    for start, _ in taken:
        assert sum(amount for at, amount in taken if start <= at < start + 60) <= limit


def test_the_record_stays_small_at_any_rate() -> None:
    meter, now = Meter(600_000), 0.0
    for _ in range(700_000):
        now = max(now, meter.ready_at(1, now))
        meter.take(1, now)
    assert len(meter.record) <= WINDOW_SECONDS / GRAIN_SECONDS + 2
    assert meter.total == pytest.approx(sum(entry.amount for entry in meter.record))


def test_what_is_corrected_after_it_left_the_window_counts_from_now_on() -> None:
    meter = Meter(100)
    early = meter.take(10, 0.0)
    meter.ready_at(1, 100.0)
    assert early.forgotten
    meter.correct(early, -5, 100.0)
    assert meter.total == 0
    meter.correct(early, 7, 100.0)
    assert meter.total == 7


def test_a_limit_is_learnt_and_what_others_use_is_let_go_when_the_window_is_whole_again() -> None:
    meter = Meter(None)
    assert meter.ready_at(1_000, 5.0) == 5.0
    meter.hear(Window(100, 20, 30), 10.0)
    assert meter.ready_at(20, 10.0) <= 10.0
    assert meter.ready_at(30, 10.0) == 40.0
    meter.hear(Window(100, 100, 0), 11.0)
    assert meter.ready_at(30, 11.0) <= 11.0


def test_news_without_a_limit_says_nothing() -> None:
    meter = Meter(None)
    meter.hear(Window(None, 3, 1), 0.0)
    assert meter.per_minute is None
