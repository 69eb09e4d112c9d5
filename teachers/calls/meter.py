"""One rate limit: so much in a minute, spread evenly, and never more than that in any 60 seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from teachers.rate_news import Window

__all__ = ["Entry", "Meter"]

PACE = 0.985  # of the limit: with the next two, no 60 seconds at the provider hold more than the limit
CATCH_UP_SECONDS = 0.01  # how far the pace may lag behind itself and make good: timers wake up a little late
WINDOW_SECONDS = 60.5  # a provider's minute, and half a second for calls that overtake each other on their way
GRAIN_SECONDS = 0.05  # entries so close together are one: memory stays bounded at any rate


@dataclass(slots=True)
class Entry:
    """What was taken at one moment."""

    at: float
    """When, by the gate's clock; the latest moment of a grain."""
    amount: float
    """Calls or tokens."""
    since: float
    """When its grain began."""
    forgotten: bool = False
    """Whether it left the window."""


class Meter:
    """Keeps one limit in two ways: an even pace, and a record of the last minute that never holds more than the limit.

    The pace is a leaky bucket (the generic cell rate algorithm): providers that refill continuously see no burst. The
    record is exact for calls of any size, which the pace alone is not: three calls of 40% of a limit would fit into one
    minute at an even pace. A call larger than the limit goes when the record is empty.

    Args:
        per_minute: The limit; None for none, until headers tell one.
    """

    def __init__(self, per_minute: float | None) -> None:
        self.per_minute = per_minute
        self.given = per_minute is not None
        self.paid_at = float("-inf")
        """When all that was taken is paid off at the even pace."""
        self.record: deque[Entry] = deque()
        self.total = 0.0
        """Sum of the record."""
        self.foreign = 0.0
        """What others have used of the same limit, by the provider's latest word."""
        self.foreign_until = float("-inf")

    def ready_at(self, amount: float, now: float) -> float:
        """Return the moment from which so much may be taken; `now` or earlier: at once."""
        if self.per_minute is None:
            return now
        self.forget(now)
        at = self.paid_at - CATCH_UP_SECONDS
        excess = self.total + self.foreign + amount - self.per_minute
        if excess <= 1e-6 or not (self.record or self.foreign):
            return at
        for leaves_at, freed in self.leaving():
            at = max(at, leaves_at)
            excess -= freed
            if excess <= 1e-6:
                break
        return at

    def take(self, amount: float, now: float) -> Entry:
        """Take so much now; return its entry, for `correct`."""
        if self.per_minute is None:
            return Entry(now, 0.0, now, forgotten=True)
        self.paid_at = max(self.paid_at, now) + amount * self.seconds_each
        return self.note(amount, now)

    def correct(self, entry: Entry, difference: float, now: float) -> None:
        """Add what a call took beyond its estimate (negative: less), as of when it was taken."""
        if self.per_minute is None:
            return
        self.paid_at += difference * self.seconds_each
        if not entry.forgotten:
            entry.amount += difference
            self.total += difference
        elif difference > 0:
            self.note(difference, now)

    def hear(self, window: Window, now: float) -> None:
        """Learn the limit, if none was given, and what others who share it have used."""
        if self.given or (window.per_minute is None and self.per_minute is None):
            return
        if window.per_minute is not None and window.per_minute > 0:
            self.per_minute = window.per_minute
        if window.remaining is None or self.per_minute is None:
            return
        self.forget(now)
        self.foreign = max(0.0, self.per_minute - window.remaining - self.total)
        whole_in = WINDOW_SECONDS if window.reset_seconds is None else min(window.reset_seconds, WINDOW_SECONDS)
        self.foreign_until = now + whole_in

    def leaving(self) -> Iterator[tuple[float, float]]:
        """Yield when what was taken leaves the window, and how much it is, soonest first."""
        foreign = self.foreign
        for entry in self.record:
            leaves_at = entry.at + WINDOW_SECONDS
            if foreign and self.foreign_until <= leaves_at:
                yield self.foreign_until, foreign
                foreign = 0.0
            yield leaves_at, entry.amount
        if foreign:
            yield self.foreign_until, foreign

    @property
    def seconds_each(self) -> float:
        """Seconds that one call or token takes at the even pace."""
        return 60.0 / (PACE * self.per_minute) if self.per_minute else 0.0

    def note(self, amount: float, now: float) -> Entry:
        """Write into the record."""
        self.total += amount
        last = self.record[-1] if self.record else None
        if last is not None and now - last.since < GRAIN_SECONDS:
            last.amount += amount
            last.at = now
            return last
        self.record.append(Entry(now, amount, now))
        return self.record[-1]

    def forget(self, now: float) -> None:
        """Drop what is older than a minute."""
        if now >= self.foreign_until:
            self.foreign = 0.0
        record = self.record
        while record and record[0].at <= now - WINDOW_SECONDS:
            entry = record.popleft()
            entry.forgotten = True
            self.total -= entry.amount
        if not record:
            self.total = 0.0  # what adding and subtracting left over in the last binary digit
