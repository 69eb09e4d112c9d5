"""What is about to be bought: requests with their keys, and the most that a call can take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from teachers.calls.budget import Cost, most_tokens
from teachers.calls.pricing import Price
from teachers.exchange import Request

__all__ = ["Asked", "Most"]


class Asked(NamedTuple):
    """One request with its key."""

    key: str
    """The ledger's key."""
    canonical: str
    """The request as `request_json` writes it."""
    request: Request
    """The request."""


class Most(NamedTuple):
    """What one call can take at the worst."""

    read: int
    """Tokens read."""
    written: int
    """Tokens written."""
    cost: Cost
    """Both together, with the dollars."""

    @classmethod
    def of(cls, bundle: Sequence[Asked], price: Price | None) -> Most:
        """Return the worst case of a call."""
        read, written = most_tokens(bundle[0].request, len(bundle))
        return cls(read, written, Cost(price.most(read, written) if price else 0.0, 1, read + written))
