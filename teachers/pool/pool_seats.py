"""The seats of a pool: which member takes the next call, and who waits until one is free."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from lessons.errors import CallFailed
from teachers.backend import RateLimited, TeacherBackend, Verdict
from teachers.calls.gate import Gate, Permit
from teachers.calls.limits import Limits

__all__ = ["PoolExhausted", "Seat", "Seats"]


class PoolExhausted(CallFailed):
    """No member of a pool can answer any more. The message says what stopped each."""


@dataclass(eq=False)
class Seat:
    """One member at work."""

    name: str
    """The member's name."""
    teacher: TeacherBackend
    """The member."""
    weight: float
    """Its share of the calls, against the other weights."""
    gate: Gate
    """Paces its calls."""
    credit: float = 0.0
    """What it is owed: every choice pays all candidates their weight and takes the sum of it from the chosen one."""
    out: str | None = None
    """Why it takes no calls any more."""
    failures_in_a_row: int = 0
    """Errors that may heal, with no answer between them."""
    rest_until: float = float("-inf")
    """Until then others are preferred, for it failed several times in a row."""

    def opens_at(self, read: float, written: float) -> float:
        """Return the moment from which a call may go, as far as its limits and pauses are concerned."""
        return self.gate.ready_at(self.gate.charges(read, written), self.gate.clock())

    def admit(self, read: float, written: float) -> Permit:
        """Let a call through that may go now."""
        return self.gate.admit(read, written, self.gate.charges(read, written), self.gate.clock())

    def note(self, permit: Permit, verdict: Verdict | None) -> None:
        """Take note of an answer (None) or of an error."""
        gate = self.gate
        if verdict is None:
            gate.answered()
            self.failures_in_a_row, self.rest_until = 0, float("-inf")
        elif isinstance(verdict, RateLimited):
            gate.refused(permit, verdict.wait_seconds)
        elif permit.at >= self.rest_until:  # calls sent before the rest began tell nothing new
            self.failures_in_a_row += 1
            if self.failures_in_a_row > 1:  # one error is chance
                rest = gate.limits.first_wait_seconds * 2 ** min(self.failures_in_a_row - 1, 16)
                self.rest_until = gate.clock() + min(rest, gate.limits.longest_wait_seconds)


@dataclass(eq=False)
class Waiting:
    """A call that waits for a seat."""

    read: float
    """The most tokens it may read."""
    written: float
    """The most tokens it may write."""
    avoid: frozenset[str]
    """Members that failed it already: others come first."""
    future: asyncio.Future[tuple[Seat, Permit]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """Takes the seat."""


class Seats:
    """Gives calls to members: by weight among those that are free, first come, first served. Used from one event loop.

    Args:
        pool: The pool's name.
        members: Name, teacher, weight and limits of each.
    """

    def __init__(self, pool: str, members: Sequence[tuple[str, TeacherBackend, float, Limits]]) -> None:
        self.pool = pool
        self.seats = [Seat(name, teacher, weight, Gate(limits)) for name, teacher, weight, limits in members]
        self.queue: deque[Waiting] = deque()
        self.timer: asyncio.TimerHandle | None = None
        self.stop_reason: Exception | None = None
        for seat in self.seats:
            seat.teacher.heard = seat.gate.hear

    async def take(self, read: float, written: float, avoid: frozenset[str]) -> tuple[Seat, Permit]:
        """Wait until a member may take a call; the permit must come back by `give_back`.

        Raises:
            PoolExhausted: No member is left.
            Exception: The reason given to `stop`.
        """
        if self.stop_reason is not None:
            raise self.stop_reason.with_traceback(None)
        waiting = Waiting(read, written, avoid)
        self.queue.append(waiting)
        self.pump()
        try:
            return await waiting.future
        except asyncio.CancelledError:
            if waiting.future.done() and not waiting.future.cancelled() and waiting.future.exception() is None:
                seat, permit = waiting.future.result()  # given a seat and cancelled in the same moment
                self.give_back(seat, permit)
            raise

    def give_back(self, seat: Seat, permit: Permit, read: float | None = None, written: float | None = None) -> None:
        """Free a seat; the tokens are what the call really took, where that is known."""
        seat.gate.leave(permit, read, written)
        self.pump()

    def drop(self, seat: Seat, reason: str) -> bool:
        """Take a member out; False if it was out already."""
        if seat.out is not None:
            return False
        seat.out = reason
        self.pump()
        return True

    def stop(self, reason: Exception) -> None:
        """Give out no seat any more; those who wait are told the reason."""
        self.stop_reason = reason
        self.release_all(reason)

    def release_all(self, reason: Exception) -> None:
        """Raise a reason where calls wait."""
        if self.timer is not None:
            self.timer.cancel()
        while self.queue:
            future = self.queue.popleft().future
            if not future.done():
                future.set_exception(reason.with_traceback(None))

    def pump(self) -> None:
        """Give seats to those who wait, from the front; set a timer for the next that opens."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        while self.queue:
            first = self.queue[0]
            if first.future.done():  # cancelled while it waited
                self.queue.popleft()
                continue
            there = [seat for seat in self.seats if seat.out is None]
            if not there:
                self.release_all(PoolExhausted(self.exhausted()))
                return
            now = time.monotonic()
            opens = {seat: seat.opens_at(first.read, first.written) for seat in there if has_room(seat)}
            free = [seat for seat, at in opens.items() if at <= now]
            if not free:
                if opens:
                    self.timer = asyncio.get_running_loop().call_later(min(opens.values()) - now, self.pump)
                return
            self.queue.popleft()
            seat = chosen(free, first.avoid, now)
            first.future.set_result((seat, seat.admit(first.read, first.written)))

    def exhausted(self) -> str:
        """Say why no member is left, and what to do."""
        reasons = "; ".join(f"{seat.name}: {seat.out}" for seat in self.seats)
        return (
            f"No member of the pool {self.pool!r} can answer any more ({reasons}). Everything answered so far is in "
            "the ledger; correct the keys or quotas, or add a member, and run again."
        )


def has_room(seat: Seat) -> bool:
    """Whether a member may have one more call under way."""
    return seat.gate.under_way < seat.gate.width


def chosen(free: Sequence[Seat], avoid: frozenset[str], now: float) -> Seat:
    """Choose among free members by smooth weighted round robin: after any number of calls each has had its share.

    Members that failed this call, then those that rest after failures, are taken only where no other is free.
    """
    rested = [seat for seat in free if seat.rest_until <= now]
    candidates = (
        [seat for seat in rested if seat.name not in avoid]
        or [seat for seat in free if seat.name not in avoid]
        or rested
        or free
    )
    for seat in candidates:
        seat.credit += seat.weight
    best = max(candidates, key=lambda seat: seat.credit)  # of equals the first in the list
    best.credit -= sum(seat.weight for seat in candidates)
    return best
