"""One batch on its way: written down, handed in, watched, collected; at any point it can be left and taken up again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lessons.errors import CallFailed, Stopped, StorageError
from teachers.backend import JSON, Fatal, RateLimited, Transient
from teachers.batch_api import BatchAPI, BatchResult
from teachers.batches.batching import Batches
from teachers.calls.answered import look
from teachers.calls.asked import Asked
from teachers.calls.budget import Cost
from teachers.calls.pricing import Price
from teachers.calls.sending import Sender
from teachers.ledger.ledger_batches import BatchRecords
from teachers.ledger.ledger_records import Attempted, StoredReply

__all__ = ["Place", "Refused", "Trip"]

T = TypeVar("T")

GROUP = 500  # results stored at once
FATAL_PATIENCE_SECONDS = 60.0  # providers say 404 for seconds after a batch was made


class Refused(Exception):
    """The provider does not take a batch as a whole; nothing was charged."""

    def __init__(self, reason: str, everywhere: bool = False) -> None:
        super().__init__(reason)
        self.everywhere = everywhere


@dataclass(slots=True, eq=False)
class Place:
    """One request in a batch."""

    key: str
    """The request key."""
    most: Cost
    """What is reserved for it."""
    asked: Asked | None = None
    """Who asks for it; None for one that an earlier run handed in and nobody asked for again yet."""
    waiter: asyncio.Future[StoredReply | None] | None = None
    """Resolves to the reply, or to None when the request must be bought again."""


class Trip:
    """Carries one batch to its end.

    Args:
        sender: The teacher's sender: its backend, ledger, limits, run and counts.
        api: The provider's batch interface.
        settings: How batches are used.
        price: What a token costs in a batch.
        tag: Our name of the batch.
        made_at: When it was written down, in seconds since 1970.
        places: What it holds.
        name: The provider's name of it; None before it is handed in.
    """

    def __init__(
        self,
        sender: Sender,
        api: BatchAPI,
        settings: Batches,
        price: Price | None,
        tag: str,
        made_at: float,
        places: Sequence[Place],
        name: str | None = None,
    ) -> None:
        self.sender = sender
        self.api = api
        self.settings = settings
        self.price = price
        self.tag = tag
        self.made_at = made_at
        self.left = {place.key: place for place in places}
        self.name = name
        self.records = BatchRecords(sender.ledger, sender.identity_json)
        self.failed: list[tuple[Place, str, bool]] = []
        """Requests that ended without a reply: why, and whether another batch may help."""

    async def hand_in(self) -> None:
        """Write the batch down, then hand it in, then write down the provider's name of it.

        Raises:
            Refused: The provider does not take it.
        """
        items = [place.asked for place in self.left.values() if place.asked is not None]
        worst = {place.key: place.most for place in self.left.values()}
        await self.records.write_down(self.tag, self.made_at, [(a.key, a.canonical, worst[a.key]) for a in items])
        try:
            self.name = await self.submit(items)
        except Refused as refusal:
            await self.records.over(self.tag, f"refused: {refusal}"[:500])
            raise
        await self.records.handed_in(self.tag, self.name)

    async def submit(self, items: Sequence[Asked]) -> str:
        """Hand the requests in, again when that failed and the provider does not have them."""
        limits, tries = self.sender.limits, 0
        began = time.monotonic()
        while True:
            try:
                return await self.api.submit([(asked.key, asked.request) for asked in items], self.tag)
            except Exception as error:
                verdict = self.sender.backend.classify(error)
                reason = self.reason(error)
                self.sender.counts.failed_attempts += 1
            if isinstance(verdict, Fatal):
                raise Refused(reason, verdict.everywhere)
            if isinstance(verdict, Transient):
                tries += 1
                if (found := await self.search(self.settings.find_seconds)) is not None:
                    return found  # it was handed in, only the answer got lost
            if tries >= limits.attempts or time.monotonic() - began > limits.patience_seconds:
                raise Refused(reason, everywhere=True)
            told = verdict.wait_seconds if isinstance(verdict, RateLimited) else None
            growth = min(limits.longest_wait_seconds, limits.first_wait_seconds * 2 ** min(tries, 16))
            await self.sender.run.sleep(growth if told is None else told)

    async def search(self, patience_seconds: float) -> str | None:
        """Look for the batch at the provider; None when it was never handed in."""
        until = time.monotonic() + patience_seconds
        keys = frozenset(self.left)
        while True:
            found = await self.patiently(lambda: self.api.find(self.tag, keys, self.made_at))
            if found is not None or time.monotonic() >= until:
                return found
            await self.sender.run.sleep(min(1.0, patience_seconds))

    async def follow(self) -> None:
        """Wait until the batch has ended, then store its replies and note what brought none.

        Raises:
            Refused: The provider gave it up as a whole.
        """
        name = self.name or ""
        while True:
            status = await self.patiently(lambda: self.api.status(name))
            if status.state != "working":
                break
            if time.time() - self.made_at > self.settings.longest_wait_hours * 3600:
                self.sender.run.stop(
                    Stopped(
                        f"The batch {name} has been under way for more than {self.settings.longest_wait_hours:g} hours "
                        f"({status.done} of {len(self.left)} requests are answered). Run the same command again to go "
                        "on waiting, with a larger longest_wait_hours; nothing is handed in or paid twice."
                    )
                )
            await self.sender.run.sleep(self.settings.poll_seconds)
        if status.state == "failed":
            await self.records.over(self.tag, f"failed: {status.reason}"[:500])
            raise Refused(status.reason or "the provider gave no reason")
        await self.patiently(lambda: self.collect(name))
        for place in self.left.values():
            self.failed.append((place, "the provider's results do not list it", True))
        self.left.clear()
        for place, reason, _ in self.failed:
            self.sender.counts.failed_attempts += 1
            lost = Attempted(place.key, f"in the batch {name}: {reason}", maybe_billed=False)
            self.sender.ledger.put_attempt(place.key, self.sender.identity_json, lost)
        await self.records.over(self.tag, "collected")

    async def collect(self, name: str) -> None:
        """Store the results that are not stored yet."""
        group: list[tuple[Place, JSON]] = []
        failed: list[tuple[Place, BatchResult]] = []
        seen: set[str] = set()
        async for result in self.api.results(name):
            place = self.left.get(result.key)
            if place is None or result.key in seen:
                continue
            seen.add(result.key)
            if result.raw is None:
                failed.append((place, result))
                continue
            group.append((place, result.raw))
            if len(group) >= GROUP:
                await self.store(group)
                group = []
        await self.store(group)
        for place, result in failed:
            del self.left[place.key]
            self.failed.append((place, self.sender.backend.redact(result.reason or "no reason given"), result.can_heal))

    async def store(self, group: Sequence[tuple[Place, JSON]]) -> None:
        """Put replies into the ledger, settle what they cost, and tell those who wait."""
        sender = self.sender
        answers = [look(sender.backend, raw, lambda _: self.price) for _, raw in group]
        futures = []
        for (place, _), answered in zip(group, answers, strict=True):
            canonical = place.asked.canonical if place.asked else self.records.canonical(self.tag, place.key)
            futures.append(sender.put(place.key, canonical, answered))
        try:
            kept = await asyncio.gather(*futures)
        except StorageError as error:
            sender.run.stop(error)
            raise
        for (place, _), answered, stored in zip(group, answers, kept, strict=True):
            sender.run.account.settle(place.most, answered.taken or place.most)
            del self.left[place.key]
            if place.waiter is not None and not place.waiter.done():
                place.waiter.set_result(stored)

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Ask the provider about the batch again and again: an error here never loses a batch."""
        began, wait = time.monotonic(), self.sender.limits.first_wait_seconds
        while True:
            try:
                return await call()
            except (Stopped, StorageError):
                raise
            except Exception as error:
                verdict = self.sender.backend.classify(error)
                reason = self.reason(error)
            patience = self.sender.limits.patience_seconds
            if isinstance(verdict, Fatal):
                patience = min(patience, FATAL_PATIENCE_SECONDS)
            if time.monotonic() - began > patience:
                raise CallFailed(
                    f"The provider does not tell about the batch {self.name or self.tag} (for "
                    f"{time.monotonic() - began:.0f} seconds now: {reason[:1000]}). It stays noted in the ledger as "
                    "under way: run the same command again to collect it."
                )
            told = verdict.wait_seconds if isinstance(verdict, RateLimited) else None
            await self.sender.run.sleep(wait if told is None else told)
            wait = min(2 * wait, self.sender.limits.longest_wait_seconds)

    def reason(self, error: Exception) -> str:
        """Write an error without secrets."""
        return self.sender.backend.redact(f"{type(error).__name__}: {error}")
