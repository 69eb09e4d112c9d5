"""What a ledger holds: replies, calls that brought none, and their sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from teachers.exchange import JSON

__all__ = ["Attempted", "LedgerTotals", "StoredReply"]


class StoredReply(NamedTuple):
    """One reply in the ledger."""

    key: str
    """The request key."""
    raw: JSON
    """The raw reply."""
    input_tokens: int | None
    """Tokens read, as billed."""
    output_tokens: int | None
    """Tokens written, as billed."""
    cost_dollars: float | None
    """What it cost when it was bought; None when the price was not known."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """One call that brought no reply."""

    key: str
    """The request key."""
    reason: str
    """The error, without secrets."""
    maybe_billed: bool
    """Whether the provider may have charged for it."""


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """Sums over a ledger."""

    replies: int
    """Replies stored."""
    failed_attempts: int
    """Calls that brought no reply."""
    input_tokens: int
    """Tokens read, as billed."""
    output_tokens: int
    """Tokens written, as billed."""
    cost_dollars: float
    """Dollars of all replies with a known price."""
    unpriced: int
    """Replies whose price was not known."""
