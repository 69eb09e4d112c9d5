"""Slows all calls of one teacher after a refusal: the rate falls by a share and rises again by equal steps."""

from __future__ import annotations

import random

from teachers.calls.limits import Limits

__all__ = ["Brake"]

KEEP = 0.7  # of the rate at a refusal
RISE_PER_SECOND = 0.01  # of the rate at the refusal: it is tried again after 30 seconds
LET_GO = 2.0  # times the rate at the refusal: the brake is off
SPAN_SECONDS = 5.0  # over which accepted calls are counted
SHORTEST_SPAN_SECONDS = 0.1
ENOUGH = 8  # accepted calls from which a rate is read; with fewer, the rate of all that were sent
FEW = 0.15  # share of calls refused lately up to which the refusals are taken for chance: the provider's load, not ours
ENOUGH_TO_TELL = 20  # calls answered lately from which that share is read
IN_A_ROW = 4  # refusals without a call accepted between them that are no chance


class Tally:
    """Counts events over the last 5 to 10 seconds, in two numbers.

    Args:
        now: The clock.
    """

    def __init__(self, now: float) -> None:
        self.since = now
        self.now_counted = self.counted_before = 0
        self.span_before = 0.0

    def add(self, now: float) -> None:
        """Count one."""
        if now - self.since >= SPAN_SECONDS:
            self.counted_before, self.span_before = self.now_counted, now - self.since
            self.now_counted, self.since = 0, now
        self.now_counted += 1

    @property
    def count(self) -> int:
        """How many there were."""
        return self.now_counted + self.counted_before

    def rate(self, now: float) -> float:
        """Return how many there were in a second."""
        return self.count / max(now - self.since + self.span_before, SHORTEST_SPAN_SECONDS)


class Brake:
    """Additive increase and multiplicative decrease of the rate of calls, for limits that nobody told.

    A refusal counts once: calls that were under way when the rate fell do not make it fall again. While it is on, calls
    go one by one at its rate, so nothing storms the provider when a pause ends. Refusals that hit only few calls here
    and there ("overloaded", whatever the rate) slow nobody but the calls they hit: a brake that each of them tightens
    would end near a standstill.

    Args:
        limits: How long to wait where the provider does not say.
        now: The clock.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.resume_at = float("-inf")
        """Until then everyone waits."""
        self.slowed_at = float("-inf")
        self.rate_then: float | None = None
        """Calls a second that were accepted when the brake was put on; None while it is off."""
        self.next_at = float("-inf")
        self.pauses_in_a_row = 0
        self.accepted_calls, self.refused_calls, self.sent_calls = Tally(now), Tally(now), Tally(now)
        self.refused_in_a_row = 0

    def refused(self, sent_at: float, wait_seconds: float | None, now: float) -> None:
        """Take note that the provider asked a call to slow down."""
        self.refused_calls.add(now)
        self.refused_in_a_row += 1
        if self.by_chance:
            if wait_seconds is not None:  # said to everybody
                self.resume_at = max(self.resume_at, now + wait_seconds)
            return
        if now >= self.resume_at:
            self.pauses_in_a_row += 1
        if wait_seconds is None:
            growth = self.limits.first_wait_seconds * 2 ** min(self.pauses_in_a_row, 16)
            wait_seconds = random.uniform(0.5, 1.0) * min(growth, self.limits.longest_wait_seconds)
        wait_seconds = max(wait_seconds, self.limits.first_wait_seconds / 10)  # "Retry-After: 0" must not spin
        if sent_at >= self.slowed_at:
            rate = self.recent_rate(now)
            if self.rate_then is not None:
                rate = min(rate, self.rate(now))
            self.rate_then = max(rate, 1.0 / max(self.limits.first_wait_seconds, 1e-3) / KEEP)
            self.slowed_at = now
        self.resume_at = max(self.resume_at, now + wait_seconds)

    def accepted(self, now: float) -> None:
        """Count a call that was not refused."""
        self.pauses_in_a_row = self.refused_in_a_row = 0
        self.accepted_calls.add(now)

    @property
    def by_chance(self) -> bool:
        """Whether the refusals of late have nothing to do with our rate."""
        refused, accepted = self.refused_calls.count, self.accepted_calls.count
        few = refused <= FEW * (refused + accepted) and refused + accepted >= ENOUGH_TO_TELL
        return few and self.refused_in_a_row < IN_A_ROW

    def recent_rate(self, now: float) -> float:
        """Return the calls a second that got through lately."""
        lately = self.accepted_calls if self.accepted_calls.count >= ENOUGH else self.sent_calls
        return lately.rate(now)

    def rate(self, now: float) -> float:
        """Return the calls a second that may be sent; infinite while the brake is off."""
        if self.rate_then is None:
            return float("inf")
        share = KEEP + RISE_PER_SECOND * max(0.0, now - max(self.slowed_at, self.resume_at))
        if share >= LET_GO:
            self.rate_then = None
            return float("inf")
        return self.rate_then * share

    def ready_at(self, now: float) -> float:
        """Return the moment from which the next call may go."""
        return max(self.resume_at, self.next_at if self.rate_then is not None else self.resume_at)

    def take(self, now: float) -> None:
        """Let one call go."""
        self.sent_calls.add(now)
        if self.rate_then is not None:
            self.next_at = max(self.next_at, now - 0.01) + 1.0 / self.rate(now)
