"""Knows, without asking the file, of most keys that the ledger does not hold: a run that buys asks for little else."""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable

__all__ = ["AbsentKeys"]

BYTES = 1 << 24  # among a million keys, one absent key in 134 is not known to be
FRESH_SECONDS = 0.05
ROWS_AT_ONCE = 2_000  # a few milliseconds of the event loop


class AbsentKeys:
    """Marks the keys of a ledger in memory, those of other processes included, once some key was looked for in vain.

    Questions to the file cost a run that buys a fifth of its time: each lets go of the interpreter's lock. Every key
    marks one bit, chosen by its hash, so a key without a mark is not there. What another process stored in the last
    50 milliseconds may be missed, like what it is about to store; whoever buys it too is told so by the writer.

    Args:
        rows: Runs a query on the ledger, given with its values.
        own_rows: First and last row of everything this process wrote, oldest first: marked already. Taken off its left.
    """

    def __init__(self, rows: Callable[..., sqlite3.Cursor], own_rows: deque[tuple[int, int]]) -> None:
        self.rows = rows
        self.own_rows = own_rows
        self.marks = bytearray(BYTES)
        self.complete = False  # whether every key in the file was marked at `looked_at`
        self.last_row = 0
        self.version = -1
        self.looked_at = 0.0

    def __contains__(self, key: str) -> bool:
        """Whether a key is surely absent."""
        if not self.complete:
            return False
        self.look_again()
        place = hash(key)
        return self.complete and not self.marks[(place >> 3) % BYTES] >> (place & 7) & 1

    def mark(self, key: str) -> None:
        """Note that a key is there, or about to be."""
        place = hash(key)
        self.marks[(place >> 3) % BYTES] |= 1 << (place & 7)

    def missed(self) -> None:
        """Note that a key was looked for in vain: from now on it is worth while to know them."""
        if not self.complete:
            self.look_again()

    def look_again(self) -> None:
        """Mark the next keys that came into the file, unless the last look was just now."""
        now = time.monotonic()
        if now - self.looked_at <= FRESH_SECONDS:
            return
        self.looked_at = now
        (version,) = self.rows("PRAGMA data_version").fetchone()  # read first: what comes later changes it
        if self.complete and version == self.version:
            return
        self.version = version
        self.pass_over_own()
        found, last, keys = self.rows(
            "SELECT count(*), max(rowid), group_concat(key, char(10)) "
            "FROM (SELECT rowid, key FROM replies WHERE rowid > ? ORDER BY rowid LIMIT ?)",
            self.last_row,
            ROWS_AT_ONCE,
        ).fetchone()
        self.complete = found < ROWS_AT_ONCE
        if found:
            self.last_row = last
            for key in keys.split("\n"):
                self.mark(key)

    def pass_over_own(self) -> None:
        """Leave out the next rows that this process wrote: nearly all there are while it is alone and buys."""
        while self.own_rows and self.own_rows[0][0] <= self.last_row + 1:
            self.last_row = max(self.last_row, self.own_rows.popleft()[1])
