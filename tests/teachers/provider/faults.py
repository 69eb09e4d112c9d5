"""What goes wrong, and when: a pure function of a seed and of what is asked, so that every run meets the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from provider.answers import number_from

__all__ = ["LOST_AFTER_BILLING", "Event", "Fault", "Schedule", "no_faults"]

LOST_AFTER_BILLING = frozenset({"reset after work", "reset in body", "cut json"})
"""The call is charged and its reply never arrives: no first byte, half a body, or half a JSON text with a right
length."""


class Event(NamedTuple):
    """A moment at which something may go wrong."""

    place: str
    """"call" (a live call), "upload", "submit", "status", "list", "results", "cancel" (of batches), "batch" (the fate
    of a whole batch), "line" (the fate of one request in a batch)."""
    content: str
    """The question of a call or line; the path of a request about batches."""
    before: int
    """How often the same was asked before."""


Fault = Callable[[Event], str | None]
"""From an event to what goes wrong, or None.

At "call": a status ("429" with Retry-After, "429 silent" without, "500", "503", "529", "401" ...), "quota", "reset"
(before any work), "no answer" (200 with an error inside), "echo" (200 with a page that shows the key), those of
LOST_AFTER_BILLING, "slow" (the body comes in pieces), "twice" (the reply is sent twice), "length", "refusal", "wrong
json" (what the model does).
At the requests about batches: the same, except what the model does.
At "batch": "failed" (refused as a whole), "expired" (half of it is done).
At "line": "errored" (the provider's fault), "invalid" (the request's), "expired", "missing" (not among the results),
"repeated" (twice among them), "length", "refusal", "wrong json".
"""


def no_faults(event: Event) -> str | None:
    """Let everything go well."""
    return None


@dataclass(frozen=True)
class Schedule:
    """Faults drawn by a seed: `shares` says for each place which share of its events meets which fault."""

    seed: int = 0
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    most_in_a_row: int = 3
    """What was asked so often before goes well, so that everything ends."""

    def __call__(self, event: Event) -> str | None:
        if event.before >= self.most_in_a_row:
            return None
        drawn = number_from(self.seed, *event)
        for fault, share in self.shares.get(event.place, {}).items():
            drawn -= share
            if drawn < 0:
                return fault
        return None
