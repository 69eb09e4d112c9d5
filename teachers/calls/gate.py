"""Lets the calls of one teacher through: in the order they came, within every limit, and never all at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from teachers.calls.brake import Brake
from teachers.calls.limits import Limits
from teachers.calls.meter import Entry, Meter
from teachers.calls.token_shares import TokenShare
from teachers.rate_news import RateNews

__all__ = ["Gate", "Permit"]

Charges = tuple[tuple[Meter, float], ...]

FIRST_WIDTH = 16.0  # calls at once before anything was answered: the first replies tell the limits


@dataclass(slots=True)
class Permit:
    """One call that was let through; it must come back by `Gate.leave`."""

    read: float
    """The most tokens the call may read."""
    written: float
    """The most tokens it may write."""
    at: float
    """When it was let through, by the gate's clock."""
    entries: tuple[tuple[Meter, Entry, float], ...] = ()
    """What each limit was charged."""


class Gate:
    """Paces calls. One queue for first tries and for retries: who came first goes first, so neither starves the other.

    All methods are called from one event loop. Nothing is polled: a timer wakes the first in the queue when the limits
    allow it, a permit that comes back wakes the next.

    Args:
        limits: The limits; rates that are None are learnt from replies' headers (`hear`).
        clock: Seconds that only ever grow; jumps of the wall clock do not matter.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.clock = clock
        self.requests = Meter(limits.requests_per_minute)
        self.input_tokens = Meter(limits.input_tokens_per_minute)
        self.output_tokens = Meter(limits.output_tokens_per_minute)
        self.tokens = Meter(limits.tokens_per_minute)
        self.meters = (self.requests, self.input_tokens, self.output_tokens, self.tokens)
        self.read_share, self.written_share = TokenShare(), TokenShare()
        self.brake = Brake(limits, clock())
        self.width = min(FIRST_WIDTH, limits.in_flight)
        """Calls that may be under way at once: it grows with every reply up to `Limits.in_flight`."""
        self.under_way = 0
        self.queue: deque[tuple[asyncio.Future[Permit], float, float]] = deque()
        self.timer: asyncio.TimerHandle | None = None
        self.stop_reason: Exception | None = None
        self.look_for_limits()

    async def enter(self, read: float, written: float) -> Permit:
        """Wait until a call may be sent, and let it through.

        Args:
            read: The most tokens it may read.
            written: The most tokens it may write.

        Raises:
            Exception: The reason given to `stop`.
        """
        if self.stop_reason is not None:
            raise self.stop_reason.with_traceback(None)
        if not self.queue and self.under_way < self.width:
            now = self.clock()
            charges = self.charges(read, written)
            if self.ready_at(charges, now) <= now:
                return self.admit(read, written, charges, now)
        future: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        self.queue.append((future, read, written))
        if len(self.queue) == 1:
            self.pump()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.leave(future.result())  # let through and cancelled in the same moment
            else:
                self.pump()
            raise

    def leave(self, permit: Permit, read: float | None = None, written: float | None = None) -> None:
        """Take a permit back.

        Args:
            permit: The permit.
            read: Tokens the call really read; None when not known, which counts as estimated.
            written: Tokens it really wrote; None when not known.
        """
        self.under_way -= 1
        corrected = bool(permit.entries) and read is not None and written is not None and self.counts_tokens
        if corrected and read is not None and written is not None:
            now = self.clock()
            taken = {id(self.input_tokens): read, id(self.output_tokens): written, id(self.tokens): read + written}
            for meter, entry, estimated in permit.entries:
                if meter is not self.requests:
                    meter.correct(entry, taken[id(meter)] - estimated, now)
            self.read_share.learn(read, permit.read)
            self.written_share.learn(written, permit.written)
        if self.queue and (self.timer is None or corrected):  # a timer: the first one waits for the time, not for us
            self.pump()

    def answered(self) -> None:
        """Take note of a call that was not refused: more may be under way, the brake loosens."""
        if self.width < self.limits.in_flight:
            self.width = min(self.width + 1.0, self.limits.in_flight)
        self.brake.accepted(self.clock())

    def refused(self, permit: Permit, wait_seconds: float | None) -> None:
        """Let everyone wait: the provider asked a call to slow down."""
        self.brake.refused(permit.at, wait_seconds, self.clock())

    def hear(self, news: RateNews) -> None:
        """Learn from what a reply's headers say."""
        now = self.clock()
        told = (news.requests, news.input_tokens, news.output_tokens, news.tokens)
        for meter, window in zip(self.meters, told, strict=True):
            if window is not None:
                meter.hear(window, now)
        self.look_for_limits()

    def stop(self, reason: Exception) -> None:
        """Let nobody through any more; those who wait are told the reason."""
        self.stop_reason = reason
        if self.timer is not None:
            self.timer.cancel()
        while self.queue:
            future = self.queue.popleft()[0]
            if not future.done():
                future.set_exception(reason.with_traceback(None))

    def look_for_limits(self) -> None:
        """Take note of which limits are known: most calls meet none, and should not pay for them."""
        self.limited = any(meter.per_minute is not None for meter in self.meters)
        self.counts_tokens = any(meter.per_minute is not None for meter in self.meters[1:])

    def charges(self, read: float, written: float) -> Charges:
        """Return what a call is charged to each limit before it is answered."""
        if not self.limited:
            return ()
        if not self.counts_tokens:
            return ((self.requests, 1.0),)
        likely_read, likely_written = self.read_share.likely(read), self.written_share.likely(written)
        amounts = (1.0, likely_read, likely_written, likely_read + likely_written)
        return tuple((m, amount) for m, amount in zip(self.meters, amounts, strict=True) if m.per_minute is not None)

    def ready_at(self, charges: Charges, now: float) -> float:
        """Return the moment from which a call may go, as far as limits and pauses are concerned."""
        at = self.brake.ready_at(now)
        for meter, amount in charges:
            at = max(at, meter.ready_at(amount, now))
        return at

    def admit(self, read: float, written: float, charges: Charges, now: float) -> Permit:
        """Let a call through."""
        self.under_way += 1
        self.brake.take(now)
        entries = tuple((meter, meter.take(amount, now), amount) for meter, amount in charges)
        return Permit(read, written, now, entries)

    def pump(self) -> None:
        """Let through whom the limits allow, from the front of the queue; set a timer for the next."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        while self.queue and self.under_way < self.width:
            future, read, written = self.queue[0]
            if future.done():  # cancelled while it waited
                self.queue.popleft()
                continue
            now = self.clock()
            charges = self.charges(read, written)
            at = self.ready_at(charges, now)
            if at > now:
                self.timer = asyncio.get_running_loop().call_later(at - now, self.pump)
                return
            self.queue.popleft()
            future.set_result(self.admit(read, written, charges, now))
