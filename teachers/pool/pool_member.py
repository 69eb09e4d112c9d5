"""The members of a pool: what they are called, what they are, what they cost, how they fail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from teachers.backend import JSON, Fatal, RateLimited, TeacherBackend, Verdict
from teachers.calls.limits import Limits
from teachers.calls.pricing import Price, Rate

__all__ = ["MemberFailed", "PoolMember", "dearest", "different_models", "names"]


@dataclass(frozen=True, slots=True)
class PoolMember:
    """One teacher of a pool.

    Args:
        teacher: The teacher.
        weight: Its share of the calls against the other weights, above 0.
        limits: How hard this member may be worked; None for the defaults, with rates learnt from its replies' headers.
        name: What provenance and the ledger call it; None for its model, numbered where several members share one.
    """

    teacher: TeacherBackend
    weight: float = 1.0
    limits: Limits | None = None
    name: str | None = None


class MemberFailed(Exception):
    """A member's error, as far as it concerns the call: its text without secrets, and what to do about it."""

    def __init__(self, text: str, verdict: Verdict) -> None:
        super().__init__(text)
        self.verdict = verdict

    @property
    def dead(self) -> bool:
        """Whether the member can answer no call any more."""
        return isinstance(self.verdict, Fatal) and self.verdict.everywhere

    @property
    def refused(self) -> bool:
        """Whether the member only asked to slow down."""
        return isinstance(self.verdict, RateLimited)


def names(members: Sequence[PoolMember]) -> list[str]:
    """Return the members' names: given, or the model's, numbered by place where several share it."""
    models = [member.teacher.model for member in members]
    shared = Counter(models)
    return [
        member.name or (f"{model} ({place})" if shared[model] > 1 else model)
        for place, (member, model) in enumerate(zip(members, models, strict=True), start=1)
    ]


def different_models(members: Iterable[PoolMember]) -> list[JSON]:
    """Return what changes the members' answers, each once: their identities but for the addresses."""
    found = {}
    for member in members:
        kind = {name: value for name, value in member.teacher.identity.items() if name != "endpoint"}
        found[json.dumps(kind, sort_keys=True)] = kind
    return [found[text] for text in sorted(found)]


def dearest(prices: Sequence[Price]) -> Price:
    """Return a price that is in every respect as high as the highest of these; at least one is given."""
    return Price(
        Rate(max(price.input.highest for price in prices)),
        Rate(max(price.output.highest for price in prices)),
        highest(price.cached_input for price in prices),
        highest(price.cache_write for price in prices),
    )


def highest(rates: Iterable[Rate | None]) -> Rate | None:
    """Return the highest rate; None if there is none."""
    known = [rate.highest for rate in rates if rate is not None]
    return Rate(max(known)) if known else None
