"""Limits as providers enforce them: a bucket that fills up all the time, or a count over a sliding window."""

from __future__ import annotations

import bisect
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Gate", "Meter", "RateLimits", "Refusal", "busiest"]


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What one key may use in a minute. None: no such limit.

    Real providers hold a limit of 60,000 a minute as 1,000 a second. `window_seconds` is that: at most
    `per_minute * window_seconds / 60` at once, and in any window if `sliding`.
    """

    requests: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    tokens: float | None = None
    """Tokens read and written together, the answer counted at its upper bound: OpenAI's way."""
    in_flight: int | None = None
    window_seconds: float = 60.0
    sliding: bool = False
    tell: bool = True
    """Whether replies carry rate-limit headers."""
    tell_wait: bool = True
    """Whether a 429 carries Retry-After."""


class Meter:
    """One limit."""

    def __init__(self, name: str, per_minute: float, window_seconds: float, sliding: bool) -> None:
        self.name = name
        self.per_minute = per_minute
        self.window_seconds = window_seconds
        self.capacity = per_minute * window_seconds / 60
        self.per_second = per_minute / 60
        self.sliding = sliding
        self.used = 0.0
        """What is missing from the bucket, or was taken in the last window."""
        self.at = 0.0
        self.taken: deque[tuple[float, float]] = deque()

    def look(self, now: float) -> None:
        """Let time pass."""
        if self.sliding:
            while self.taken and self.taken[0][0] <= now - self.window_seconds:
                self.used -= self.taken.popleft()[1]
        else:
            self.used = max(0.0, self.used - (now - self.at) * self.per_second)
        self.at = now

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until so much may be taken: 0 now, infinite never."""
        self.look(now)
        missing = self.used + amount - self.capacity
        if missing <= 1e-9:
            return 0.0
        if amount > self.capacity:
            return math.inf
        if not self.sliding:
            return missing / self.per_second
        for at, taken in self.taken:
            missing -= taken
            if missing <= 1e-9:
                return at + self.window_seconds - now
        return self.window_seconds

    def take(self, amount: float, now: float) -> None:
        """Take so much."""
        self.look(now)
        self.used += amount
        if self.sliding:
            self.taken.append((now, amount))

    def remaining(self, now: float) -> int:
        """What is left, in the terms of a minute, as the headers say it."""
        self.look(now)
        return max(0, math.floor((self.capacity - self.used) * 60 / self.window_seconds))

    def reset_seconds(self, now: float) -> float:
        """Seconds until all of it is there again."""
        self.look(now)
        if self.sliding:
            return self.taken[-1][0] + self.window_seconds - now if self.taken else 0.0
        return self.used / self.per_second


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call may not pass now."""

    meter: str
    wait_seconds: float


@dataclass
class Gate:
    """All limits of one key, and what passed."""

    limits: RateLimits = field(default_factory=RateLimits)
    in_flight: int = 0
    most_in_flight: int = 0
    refused: list[tuple[float, str]] = field(default_factory=list)
    """(when, by which limit)."""
    passed: list[tuple[float, int, int]] = field(default_factory=list)
    """(when, tokens read, most tokens to be written)."""
    written: list[tuple[float, int]] = field(default_factory=list)
    """(when, tokens written)."""

    def __post_init__(self) -> None:
        limits = self.limits
        named = ("requests", "input_tokens", "output_tokens", "tokens")
        self.meters = {
            name: Meter(name, getattr(limits, name), limits.window_seconds, limits.sliding)
            for name in named
            if getattr(limits, name) is not None
        }

    def admit(self, read: int, most_written: int, now: float) -> Refusal | None:
        """Let a call pass, or say which limit is in the way and for how long."""
        if self.limits.in_flight is not None and self.in_flight >= self.limits.in_flight:
            self.refused.append((now, "in_flight"))
            return Refusal("in_flight", 0.0)
        amounts = {
            "requests": 1,
            "input_tokens": read,
            "output_tokens": 0,
            "tokens": read + most_written,
        }
        waits = {name: meter.wait(amounts[name], now) for name, meter in self.meters.items()}
        name = max(waits, key=waits.__getitem__, default="")
        if waits and waits[name] > 0:
            self.refused.append((now, name))
            return Refusal(name, waits[name])
        for name, meter in self.meters.items():
            meter.take(amounts[name], now)
        self.passed.append((now, read, most_written))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return None

    def finish(self, written: int, now: float) -> None:
        """End a call and count what it wrote: only now, so that this one limit can be overdrawn a little."""
        self.in_flight -= 1
        self.written.append((now, written))
        if "output_tokens" in self.meters:
            self.meters["output_tokens"].take(written, now)


def busiest(events: Sequence[tuple[float, float]], window_seconds: float) -> float:
    """Return the largest sum of amounts, given as (when, amount), within any window of that length.

    >>> busiest([(0.0, 1), (0.5, 1), (1.2, 1)], 1.0)
    2.0
    """
    ordered = sorted(events)
    times = [at for at, _ in ordered]
    sums = [0.0]
    for _, amount in ordered:
        sums.append(sums[-1] + amount)
    ends = (bisect.bisect_left(times, at + window_seconds) for at in times)
    return max((sums[end] - sums[start] for start, end in enumerate(ends)), default=0.0)
