"""Several keys, endpoints or models behind one name."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from functools import cached_property

from lessons.errors import ConfigError
from teachers.backend import JSON, Completion, Fatal, Request, TeacherBackend, Verdict
from teachers.calls.answered import total
from teachers.calls.budget import most_tokens
from teachers.calls.gate import Permit
from teachers.calls.limits import Limits
from teachers.calls.pricing import Price
from teachers.calls.reply import UNREADABLE
from teachers.pool.pool_member import MemberFailed, PoolMember, dearest, different_models, names
from teachers.pool.pool_seats import PoolExhausted, Seat, Seats

__all__ = ["PoolBackend"]

log = logging.getLogger(__name__)

REMEMBERED_FAILURES = 10_000  # calls that are being tried again; more are under way in no run


class PoolBackend(TeacherBackend):
    """Spreads calls over several teachers, each paced by its own limits; which one answered is stored with the reply.

    Among members that are free, calls are spread by weight; one at its limits is passed over, so nothing waits while
    another could work. A request to slow down pauses that member alone and the call goes to another. An error that may
    heal is tried again at another member, counted as a try of the run. A wrong key, an unknown model or a used-up
    quota takes the member out, with one warning; the run stops when none is left. The run's own limits count for the
    pool as a whole. An error of the request itself (too long, say) fails it, as with a single teacher.

    The request key depends on the pool's name and on which models answer with which settings, but not on keys,
    endpoints or weights, nor on how many members share a model. So a key or endpoint can be replaced without buying
    anything again; a model that joins, leaves or is set otherwise makes another teacher.

    Args:
        members: The teachers.
        name: The pool's name, part of every request key.
    """

    def __init__(self, members: list[PoolMember], name: str = "pool") -> None:
        self.members = members
        self.name = name
        teachers = [member.teacher for member in members]
        if teachers:  # none is refused by `prepare`, with a better reason than that it gives nothing
            self.gives = frozenset.intersection(*(teacher.gives for teacher in teachers))
        self.samples_per_call = min((teacher.samples_per_call for teacher in teachers), default=1)
        self.seats: Seats | None = None
        self.failed_at: dict[int, frozenset[str]] = {}
        """By request object: the members that failed a call that will be tried again."""

    @property
    def identity(self) -> JSON:
        """The pool's name and its models; endpoints are left out."""
        kinds = different_models(self.members)
        if len(kinds) == 1:
            return {**kinds[0], "provider": "pool", "endpoint": self.name, "of": kinds[0]["provider"]}
        return {"provider": "pool", "endpoint": self.name, "model": self.name, "members": kinds}

    @cached_property
    def named(self) -> dict[str, PoolMember]:
        """The members by name."""
        return dict(zip(names(self.members), self.members, strict=True))

    @property
    def price(self) -> Price | None:
        """The dearest of the members in every respect: what is reserved. None if one is not known."""
        prices = [member.teacher.price for member in self.members]
        known = [price for price in prices if price is not None]
        return dearest(known) if known and len(known) == len(prices) else None

    def price_of(self, completion: Completion) -> Price | None:
        """The price of the member that answered; the dearest if that is no longer in the pool."""
        member = self.named.get(completion.answered_by or "")
        return self.price if member is None else member.teacher.price

    def prepare(self) -> None:
        """Check the settings and every member.

        Raises:
            ConfigError: No members, a weight that is not above 0, two members of one name, or a pool in a pool.
        """
        if not self.members:
            raise ConfigError(f"The pool {self.name!r} has no members, so nobody can answer. Give it one or more.")
        for member in self.members:
            if not 0 < member.weight < math.inf:
                raise ConfigError(
                    f"A member of the pool {self.name!r} has weight {member.weight}; it must be above 0. Correct it, "
                    "or take the member out."
                )
            if isinstance(member.teacher, PoolBackend):
                raise ConfigError(
                    f"The pool {self.name!r} has the pool {member.teacher.name!r} as a member; members must be single "
                    "teachers. List its members here."
                )
            (member.limits or Limits()).check()
        called = names(self.members)
        if len(set(called)) < len(called):
            raise ConfigError(
                f"The names of the members of the pool {self.name!r} must differ, got {', '.join(called)}. "
                "Rename one, or leave the names out."
            )
        for member in self.members:
            member.teacher.prepare()

    async def send(self, request: Request) -> JSON:
        """Send a request to one member, or to the next where that is refused."""
        return (await self.send_somewhere([request]))[0]

    async def send_samples(self, requests: Sequence[Request]) -> list[JSON]:
        """Draw samples by one call to one member."""
        return await self.send_somewhere(requests)

    async def send_somewhere(self, requests: Sequence[Request]) -> list[JSON]:
        """Make one call that brings replies or may be charged; refusals, which are not, are followed by another.

        An error that may heal is raised: the ledger lists it, the budget counts what it may have cost, and whoever
        retries meets another member.
        """
        read, written = most_tokens(requests[0], len(requests))
        avoid = self.failed_at.pop(id(requests[0]), frozenset())
        seats = self.working()
        started = time.monotonic()
        while True:
            seat, permit = await seats.take(read, written, avoid)
            found = await self.call(seats, seat, permit, requests)
            if not isinstance(found, MemberFailed):
                return found
            avoid |= {seat.name}
            patient = time.monotonic() - started <= seat.gate.limits.patience_seconds
            if not (found.dead or (found.refused and patient)):
                self.remember(requests[0], avoid)
                raise found

    async def call(
        self, seats: Seats, seat: Seat, permit: Permit, requests: Sequence[Request]
    ) -> list[JSON] | MemberFailed:
        """Ask one member; return its replies, or what is wrong with it."""
        read = written = None
        try:
            if len(requests) == 1:
                raws = [await seat.teacher.send(requests[0])]
            else:
                raws = await seat.teacher.send_samples(requests)
            seat.note(permit, None)
            if seat.gate.counts_tokens:
                read, written = tokens_of(seat.teacher, raws)
            return [{"member": seat.name, "reply": raw} for raw in raws]
        except Exception as error:
            verdict = seat.teacher.classify(error)
            text = seat.teacher.redact(f"{type(error).__name__}: {error}")
            seat.note(permit, verdict)
            failed = MemberFailed(f"{seat.name}: {text}", verdict)  # the error itself may hold a key in its headers
            if failed.dead:
                self.take_out(seats, seat, text)
            return failed
        finally:
            seats.give_back(seat, permit, read, written)

    def take_out(self, seats: Seats, seat: Seat, reason: str) -> None:
        """Give a member no more calls, and say so once."""
        if seats.drop(seat, reason) and any(other.out is None for other in seats.seats):
            log.warning(
                "The pool %r goes on without %s, which can answer nothing any more: %s", self.name, seat.name, reason
            )

    def remember(self, request: Request, avoid: frozenset[str]) -> None:
        """Note which members failed a call, for its next try."""
        self.failed_at[id(request)] = avoid
        while len(self.failed_at) > REMEMBERED_FAILURES:  # calls given up: nobody comes back for them
            del self.failed_at[next(iter(self.failed_at))]

    def working(self) -> Seats:
        """The seats, made at the first call."""
        if self.seats is None:
            self.seats = Seats(
                self.name,
                [(name, one.teacher, one.weight, one.limits or Limits()) for name, one in self.named.items()],
            )
        return self.seats

    def read(self, raw: JSON) -> Completion:
        """Read a reply as the member that gave it does; by its form if that has left the pool."""
        name = raw["member"]
        member = self.named.get(name)
        if member is not None:
            return member.teacher.read(raw["reply"])._replace(answered_by=name)
        from teachers.replay_backend import read_any

        return read_any(raw["reply"], name)._replace(answered_by=name)

    def classify(self, error: Exception) -> Verdict:
        """Return what the member said of its error."""
        if isinstance(error, MemberFailed):
            return error.verdict
        return Fatal(everywhere=isinstance(error, PoolExhausted))

    def redact(self, text: str) -> str:
        """Remove the secrets of all members."""
        for member in self.members:
            text = member.teacher.redact(text)
        return text

    def stop(self, reason: Exception) -> None:
        """Let nobody wait for a member any more."""
        if self.seats is not None:
            self.seats.stop(reason)
        for member in self.members:
            member.teacher.stop(reason)

    async def aclose(self) -> None:
        """Release what the members hold; those taken out get another chance afterwards."""
        self.seats = None
        self.failed_at.clear()
        await asyncio.gather(*(member.teacher.aclose() for member in self.members))


def tokens_of(teacher: TeacherBackend, raws: Sequence[JSON]) -> tuple[int | None, int | None]:
    """Return the tokens read and written by a call; None where a reply does not tell or cannot be read."""
    try:
        completions = [teacher.read(raw) for raw in raws]
    except UNREADABLE:
        return None, None
    return (
        total([completion.input_tokens for completion in completions]),
        total([completion.output_tokens for completion in completions]),
    )
