"""Where all batches of an account lie, whatever their wire format."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from provider.batch_work import Batch, Line
from provider.clock import Clock
from provider.desk import Desk
from provider.faults import Event

__all__ = ["BatchRoom"]


@dataclass
class BatchRoom:
    """Takes batches in, keeps them, and has their work done when their time has come."""

    desk: Desk
    meet: Callable[[Event], str | None]
    clock: Clock
    batch_seconds: float
    batches: dict[str, Batch] = field(default_factory=dict)
    """By name, the oldest first."""
    numbers: int = 0
    handed_in: Counter[str] = field(default_factory=Counter)
    """How often each set of requests was handed in."""
    worked_on: Counter[str] = field(default_factory=Counter)
    """How often each request was worked on, by its custom_id."""

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def open(self, start: str, lines: Sequence[Line], problem: str | None, details: dict[str, Any]) -> Batch:
        """Take a batch in; its name begins with `start`."""
        content = json.dumps(sorted(line.custom_id for line in lines))
        fate = self.meet(Event("batch", content, self.handed_in[content]))
        self.handed_in[content] += 1
        name = f"{start}{self.next_number():06}"
        now, wall = self.clock.now(), self.clock.wall()
        batch = Batch(name, lines, self.batch_seconds, now, wall, fate, problem, details)
        self.batches[name] = batch
        return batch

    def find(self, start: str, name: str) -> Batch | None:
        return self.batches.get(name) if name.startswith(start) else None

    def newest_first(self, start: str) -> list[Batch]:
        return [batch for name, batch in reversed(self.batches.items()) if name.startswith(start)]

    def cancel(self, batch: Batch) -> None:
        batch.cancelled = self.clock.now()

    def settle(self) -> None:
        """Do and charge the work of all batches that have ended."""
        for batch in self.batches.values():
            batch.settle(self.desk, self.meet, self.worked_on, self.clock.now())
