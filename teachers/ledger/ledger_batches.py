"""The ledger's memory of batches: written before they are handed in, so that none is ever lost or handed in twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from teachers.calls.budget import Cost
from teachers.ledger.ledger import Ledger

__all__ = ["BatchRecords", "Member", "StoredBatch"]


@dataclass(frozen=True, slots=True)
class Member:
    """One request of a batch."""

    key: str
    """The request key."""
    most: Cost
    """What it can cost at the worst."""


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch that is still to be collected."""

    tag: str
    """Our name of it."""
    name: str | None
    """The provider's name of it; None when the run ended before it was known."""
    made_at: float
    """When it was written down, in seconds since 1970."""
    members: tuple[Member, ...]
    """What it holds."""


class BatchRecords:
    """Reads and writes the batches of one backend.

    Args:
        ledger: The open ledger.
        identity: The backend's identity (JSON).
    """

    def __init__(self, ledger: Ledger, identity: str) -> None:
        self.ledger = ledger
        self.identity = identity

    def under_way(self) -> list[StoredBatch]:
        """Return the batches that are still to be collected, oldest first."""
        batches = self.ledger.rows(
            "SELECT batches.id, tag, name, made_at FROM batches JOIN backends ON backends.id = backend "
            "WHERE outcome IS NULL AND identity = ? ORDER BY batches.id",
            self.identity,
        ).fetchall()
        return [StoredBatch(tag, name, made_at, self.members(row)) for row, tag, name, made_at in batches]

    def members(self, batch: int) -> tuple[Member, ...]:
        """Return what a batch holds."""
        rows = self.ledger.rows("SELECT key, most_dollars, most_tokens FROM batch_members WHERE batch = ?", batch)
        return tuple(Member(key, Cost(dollars, 1, tokens)) for key, dollars, tokens in rows)

    def canonical(self, tag: str, key: str) -> str:
        """Return a member's request as the ledger keeps it."""
        found = self.ledger.rows(
            "SELECT request FROM batch_members JOIN batches ON batches.id = batch WHERE tag = ? AND key = ?", tag, key
        ).fetchone()
        return str(found[0])

    def write_down(self, tag: str, made_at: float, members: Sequence[tuple[str, str, Cost]]) -> asyncio.Future[None]:
        """Write down that a batch is about to be handed in: key, request and worst case of each member."""

        def change(cursor: sqlite3.Cursor) -> None:
            backend = self.ledger.running_writer.backend(cursor, self.identity)
            cursor.execute("INSERT INTO batches (tag, backend, made_at) VALUES (?, ?, ?)", (tag, backend, made_at))
            batch = cursor.lastrowid
            cursor.executemany(
                "INSERT INTO batch_members (batch, key, request, most_dollars, most_tokens) VALUES (?, ?, ?, ?, ?)",
                ((batch, key, request, most.dollars, most.tokens) for key, request, most in members),
            )

        return self.ledger.running_writer.put_change(change)

    def handed_in(self, tag: str, name: str) -> asyncio.Future[None]:
        """Write down the provider's name of a batch."""

        def change(cursor: sqlite3.Cursor) -> None:
            cursor.execute("UPDATE batches SET name = ? WHERE tag = ?", (name, tag))

        return self.ledger.running_writer.put_change(change)

    def over(self, tag: str, outcome: str) -> asyncio.Future[None]:
        """Write down that nothing is left to collect of a batch, after its replies; its members are dropped."""

        def change(cursor: sqlite3.Cursor) -> None:
            cursor.execute("UPDATE batches SET outcome = ? WHERE tag = ?", (outcome, tag))
            cursor.execute("DELETE FROM batch_members WHERE batch = (SELECT id FROM batches WHERE tag = ?)", (tag,))

        return self.ledger.running_writer.put_change(change)
