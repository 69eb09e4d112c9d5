"""What an ask brings, and the counts of what was asked."""

from __future__ import annotations

from dataclasses import dataclass, fields

from teachers.exchange import Completion

__all__ = ["Counts", "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A completion and where it came from."""

    completion: Completion
    """What the teacher wrote."""
    key: str
    """The ledger's key."""
    cost_dollars: float | None
    """What it cost when it was bought; None when the price was not known."""
    from_ledger: bool
    """Whether it was there already."""


@dataclass(slots=True)
class Counts:
    """What a run, or one teacher in it, did so far."""

    calls: int = 0
    """New replies."""
    from_ledger: int = 0
    """Replies that were there already."""
    failed_attempts: int = 0
    """Calls that brought no reply."""
    input_tokens: int = 0
    """Tokens of new replies."""
    output_tokens: int = 0
    """Tokens of new replies."""
    dollars: float = 0.0
    """Price of new replies, as far as known."""
    dollars_from_ledger: float = 0.0
    """What the replies that were there already once cost, as far as known."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))
