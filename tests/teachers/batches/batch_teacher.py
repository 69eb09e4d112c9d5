"""A teacher with a batch interface whose provider is a plain object: it outlives runs and keeps the bill."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from teachers.backend import JSON, Completion, Fatal, Request, TeacherBackend, Transient, Verdict
from teachers.batch_api import BatchAPI, BatchResult, BatchStatus
from teachers.calls.pricing import Price

PRICE = Price.flat(3.0, 15.0)


class Trouble(Exception):
    def __init__(self, verdict: Verdict, text: str = "trouble") -> None:
        super().__init__(text)
        self.verdict = verdict


@dataclass
class Room:
    """The provider: batches by name, what was answered, what it charged."""

    looks: int = 1
    """Looks at a batch until it has ended."""
    expires: float = 0.0
    """Share of requests that expire the first time they are handed in."""
    bad: frozenset[str] = frozenset()
    """Questions that make the provider refuse a whole batch."""
    lose_answer: bool = False
    """The answer to the next hand-in gets lost."""
    hang_at: str | None = None
    """Never answer at this point: "submit before", "submit after", "status"."""
    batches: dict[str, list[tuple[str, Request]]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    looked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    """Charged replies by key, in batches and live."""
    handed_in: Counter[str] = field(default_factory=Counter)
    dollars: float = 0.0
    found: int = 0
    results: dict[str, list[BatchResult]] = field(default_factory=dict)
    random: random.Random = field(default_factory=lambda: random.Random(1))

    def raw(self, request: Request) -> JSON:
        question = request.messages[-1].content
        return {"text": f"Answer to {question}\nDifficulty: 3", "read": len(question), "written": 10 + request.sample}

    def charge(self, key: str, raw: JSON, factor: float) -> None:
        self.answered[key] += 1
        self.dollars += factor * PRICE.cost(raw["read"], raw["written"])


class RoomAPI(BatchAPI):
    largest_batch = 1_000
    largest_bytes = 100_000
    price_factor = 0.5

    def __init__(self, room: Room) -> None:
        self.room = room

    def size(self, key: str, request: Request) -> int:
        return len(request.messages[-1].content) + 100

    async def submit(self, items: Sequence[tuple[str, Request]], tag: str) -> str:
        room = self.room
        await self.maybe_hang("submit before")
        if any(request.messages[-1].content in room.bad for _, request in items):
            raise Trouble(Fatal(), "a line of the batch is invalid")
        name = f"batch_{len(room.batches)}"
        room.batches[name], room.tags[tag] = list(items), name
        room.handed_in.update(key for key, _ in items)
        await self.maybe_hang("submit after")
        if room.lose_answer:
            room.lose_answer = False
            raise Trouble(Transient(maybe_billed=True), "connection lost")
        return name

    async def maybe_hang(self, point: str) -> None:
        if self.room.hang_at == point:
            await asyncio.sleep(1e6)

    async def find(self, tag: str, keys: frozenset[str], not_before: float) -> str | None:
        self.room.found += 1
        return self.room.tags.get(tag)

    async def status(self, batch: str) -> BatchStatus:
        await self.maybe_hang("status")
        self.room.looked[batch] += 1
        ended = self.room.looked[batch] >= self.room.looks
        return BatchStatus("ended" if ended else "working", len(self.room.batches[batch]) if ended else 0, 0)

    async def results(self, batch: str) -> AsyncIterator[BatchResult]:
        room = self.room
        if batch not in room.results:
            results: list[BatchResult] = []
            for key, request in room.batches[batch]:
                if room.handed_in[key] == 1 and room.random.random() < room.expires:
                    results.append(BatchResult(key, None, "expired", can_heal=True))
                    continue
                raw = room.raw(request)
                room.charge(key, raw, self.price_factor)
                results.append(BatchResult(key, raw))
            room.random.shuffle(results)
            room.results[batch] = results
        for result in room.results[batch]:
            await asyncio.sleep(0)
            yield result

    async def cancel(self, batch: str) -> None:
        return


class BatchTeacher(TeacherBackend):
    """Asks a `Room`, live or in batches."""

    price = PRICE

    def __init__(self, room: Room) -> None:
        self.room = room
        self.api = RoomAPI(room)
        self.live = 0

    @property
    def identity(self) -> JSON:
        return {"provider": "test", "endpoint": "", "model": "room"}

    @property
    def batch_api(self) -> BatchAPI:
        return self.api

    async def send(self, request: Request) -> JSON:
        from teachers.calls.request_keys import RequestKeys, request_json

        await asyncio.sleep(0)
        self.live += 1
        raw = self.room.raw(request)
        self.room.charge(RequestKeys(self.identity).key(request_json(request)), raw, 1.0)
        return raw

    def read(self, raw: JSON) -> Completion:
        return Completion(raw["text"], "stop", raw["read"], raw["written"], "room")

    def classify(self, error: Exception) -> Verdict:
        return error.verdict if isinstance(error, Trouble) else Fatal()
