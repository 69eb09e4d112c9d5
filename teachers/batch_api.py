"""A provider's interface for batches: many requests handed in at once, answered within a day at a lower price."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from teachers.exchange import JSON, Request

__all__ = ["BatchAPI", "BatchResult", "BatchStatus"]


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How far a batch is."""

    state: Literal["working", "ended", "failed"]
    """"ended": results can be collected, also of a batch that expired or was cancelled half done. "failed": the
    provider refused the batch as a whole; it has no results and nothing was charged."""
    done: int
    """Requests answered so far."""
    failed: int
    """Requests that ended without an answer so far."""
    reason: str | None = None
    """Why it failed."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What came of one request of a batch."""

    key: str
    """The request key it was handed in under."""
    raw: JSON | None
    """The raw reply, such as `TeacherBackend.send` returns it for the same request; None when there is none."""
    reason: str | None = None
    """Why there is none."""
    can_heal: bool = False
    """Whether the request may succeed in another batch (it expired, or the provider erred)."""


class BatchAPI(ABC):
    """Hands in, watches and collects batches. Errors of the provider's library propagate to the backend."""

    largest_batch: int
    """The most requests of one batch."""
    largest_bytes: int
    """The most bytes of one batch, as handed in."""
    price_factor: float = 0.5
    """What a token costs in a batch, as a share of its price in a live call."""

    @abstractmethod
    def size(self, key: str, request: Request) -> int:
        """Return how many bytes one request takes in a batch."""

    @abstractmethod
    async def submit(self, items: Sequence[tuple[str, Request]], tag: str) -> str:
        """Hand in requests under their keys; return the provider's name of the batch.

        Args:
            items: Request keys (40 hex digits) and requests.
            tag: Our name of the batch (32 hex digits), by which `find` knows it again, where the provider can keep it.
        """

    @abstractmethod
    async def find(self, tag: str, keys: frozenset[str], not_before: float) -> str | None:
        """Return the provider's name of a batch that may have been handed in before a kill; None if it was not.

        Args:
            tag: Our name of it.
            keys: The request keys it holds.
            not_before: When it was handed in at the earliest, in seconds since 1970.
        """

    @abstractmethod
    async def status(self, batch: str) -> BatchStatus:
        """Ask how far a batch is."""

    @abstractmethod
    def results(self, batch: str) -> AsyncIterator[BatchResult]:
        """Yield what came of each request, in any order, once the batch has ended.

        A request of the batch that the provider does not list is not yielded.
        """

    @abstractmethod
    async def cancel(self, batch: str) -> None:
        """Ask the provider to stop working on a batch; what is done already is charged and can be collected."""
