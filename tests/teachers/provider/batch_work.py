"""A batch while it is worked on: it ends by itself after a while, and every request of it comes to something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from provider.answers import number_from
from provider.desk import FORMATS, Desk
from provider.faults import Event, Fault

__all__ = ["Batch", "Line", "Outcome"]

END_OF_LINE = {"expired": "expired", "errored": "errored", "invalid": "invalid", "missing": "missing"}


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch."""

    custom_id: str
    path: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    custom_id: str
    kind: Literal["succeeded", "errored", "invalid", "expired", "canceled", "missing"]
    reply: dict[str, Any] | None = None
    message: str = ""


@dataclass
class Batch:
    """One batch."""

    id: str
    lines: Sequence[Line]
    seconds: float
    """How long it takes."""
    created: float
    """When it was handed in, by the clock that only runs forward."""
    created_wall: float
    fate: str | None = None
    """"failed": refused as a whole. "expired": half of it is done."""
    problem: str | None = None
    """Why it was refused."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the wire format keeps with it and shows."""
    files: dict[str, str | None] | None = None
    """The names of its result files, once written."""
    cancelled: float | None = None
    outcomes: list[Outcome] | None = None
    """In the order of the results; None until it has ended."""

    def share(self, now: float) -> float:
        """How much of its time is over, in [0, 1]."""
        return min(1.0, (now - self.created) / self.seconds) if self.seconds else 1.0

    @property
    def refused(self) -> bool:
        return self.fate == "failed" or self.problem is not None

    def has_ended(self, now: float) -> bool:
        return self.refused or self.cancelled is not None or self.share(now) >= 1.0

    def ended_at(self) -> float:
        return self.cancelled if self.cancelled is not None else self.created + self.seconds

    def settle(self, desk: Desk, fault: Fault, worked_on: Counter[str], now: float) -> None:
        """Do the work and charge for it, once the batch has ended."""
        if self.outcomes is not None or not self.has_ended(now):
            return
        done = 0 if self.refused else len(self.lines)
        if self.fate == "expired":
            done //= 2
        if self.cancelled is not None:
            done = int(done * self.share(self.cancelled))
        left: Literal["canceled", "expired"] = "canceled" if self.cancelled is not None else "expired"
        outcomes = []
        for number, line in enumerate(self.lines):
            if number >= done:
                outcomes.append(Outcome(line.custom_id, left))
                continue
            before = worked_on[line.custom_id]
            worked_on[line.custom_id] += 1
            outcomes += self.come_to(line, desk, fault(Event("line", line.custom_id, before)))
        if self.refused:
            outcomes = []
        self.outcomes = sorted(outcomes, key=lambda outcome: number_from(self.id, outcome.custom_id))

    def come_to(self, line: Line, desk: Desk, fate: str | None) -> list[Outcome]:
        """Return what comes of one request; charge for it if it is answered."""
        problem = FORMATS[line.path].problem(line.body)
        if problem is not None:
            return [Outcome(line.custom_id, "invalid", message=problem)]
        if fate in END_OF_LINE:
            return [Outcome(line.custom_id, fate, message=f"fault {fate}")]  # type: ignore[arg-type]
        answered = Outcome(line.custom_id, "succeeded", desk.work(line.path, line.body, fate, self.id))
        return [answered, answered] if fate == "repeated" else [answered]

    def count(self, *kinds: str) -> int:
        """Count the outcomes of some kinds, each request once."""
        return len({outcome.custom_id for outcome in self.outcomes or () if outcome.kind in kinds})

    def ended_wall(self) -> float:
        """When it ended, in seconds since 1970, as the wall clock would have shown had it not jumped meanwhile."""
        return self.created_wall + self.ended_at() - self.created
