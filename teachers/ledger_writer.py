"""The ledger's writing thread: all that waits goes into one transaction, on the disk before anyone is told."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lessons.errors import StorageError

if TYPE_CHECKING:
    from teachers.ledger_records import StoredReply

__all__ = ["LedgerWriter", "connect"]

T = TypeVar("T")

FORMAT = 1
LARGEST_GROUP = 2_000
GATHER_SECONDS = 0.01  # wait so long for more replies, unless enough are there: fewer, larger transactions
ENOUGH = 32
SCHEMA = """
CREATE TABLE IF NOT EXISTS backends (
    id INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE        -- provider, endpoint, model: JSON
);
CREATE TABLE IF NOT EXISTS replies (
    key TEXT NOT NULL UNIQUE,            -- digest of identity, messages, sampling, schema, sample number
    backend INTEGER NOT NULL REFERENCES backends (id),
    request TEXT NOT NULL,               -- JSON
    raw TEXT NOT NULL,                   -- the reply as it came: JSON
    input_tokens INTEGER,
    output_tokens INTEGER,
    cost_dollars REAL,                   -- at the time of buying; NULL: price not known
    stored_at REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400.0)  -- seconds since 1970
);
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    backend INTEGER NOT NULL REFERENCES backends (id),
    reason TEXT NOT NULL,
    maybe_billed INTEGER NOT NULL,
    cost_dollars REAL,                   -- of a second reply to a key that was stored already
    tried_at REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400.0)  -- seconds since 1970
);
"""

ReplyRow = tuple[str, str, str, str, int | None, int | None, float | None]
AttemptRow = tuple[str, str, str, bool, float | None]
Waiting = tuple[ReplyRow, "StoredReply", "asyncio.Future[StoredReply]"]


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that survives being shared with other processes."""
    connection = sqlite3.connect(path, timeout=60.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 60000")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


class LedgerWriter:
    """Owns the one writing connection of a process.

    Args:
        path: The SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect(path)
        self.connection.execute("PRAGMA journal_mode = WAL")
        if self.connection.execute("PRAGMA user_version").fetchone()[0] > FORMAT:
            self.connection.close()
            raise sqlite3.DatabaseError(f"written by a newer version; this one reads format {FORMAT}")
        self.connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
        self.backends: dict[str, int] = {}
        self.replies: deque[Waiting] = deque()
        self.attempts: deque[AttemptRow] = deque()
        self.wake = threading.Event()
        self.enough = threading.Event()
        self.closing = False
        self.failure: StorageError | None = None
        self.thread = threading.Thread(target=self.run, name="ledger-writer", daemon=True)
        self.thread.start()

    def put_reply(self, row: ReplyRow, stored: StoredReply) -> asyncio.Future[StoredReply]:
        """Queue a reply; the future resolves once it is on disk."""
        future: asyncio.Future[StoredReply] = asyncio.get_running_loop().create_future()
        if self.failure is not None:
            future.set_exception(self.failure)
        else:
            self.replies.append((row, stored, future))
            if len(self.replies) >= ENOUGH:
                self.enough.set()
            self.wake.set()
        return future

    def put_attempt(self, row: AttemptRow) -> None:
        """Queue a failed call."""
        self.attempts.append(row)
        self.wake.set()

    def close(self) -> None:
        """Write what waits and end the thread."""
        self.closing = True
        self.enough.set()
        self.wake.set()
        self.thread.join()
        self.connection.close()

    def run(self) -> None:
        """Commit group after group until closed."""
        while True:
            self.wake.wait()
            self.wake.clear()
            closing = self.closing  # read after clearing, or its wake-up could be lost
            if not closing:
                self.enough.wait(GATHER_SECONDS)
            self.enough.clear()
            while self.replies or self.attempts:
                self.write_group()
            if closing:
                return

    def write_group(self) -> None:
        """Commit one group and tell those who wait."""
        waiting = take(self.replies)
        attempts = take(self.attempts)
        try:
            if self.failure is not None:
                raise self.failure
            results = self.commit(waiting, attempts)
        except Exception as error:  # whatever it is: those who wait must hear of it, and this thread must live
            self.failure = self.failure or self.storage_error(error, len(waiting))
            tell(waiting, [self.failure] * len(waiting))
        else:
            tell(waiting, results)

    def commit(self, waiting: list[Waiting], attempts: list[AttemptRow]) -> list[StoredReply | StorageError]:
        """Write one transaction; return what is stored under each key now."""
        cursor = self.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            results: list[StoredReply | StorageError] = [self.insert(cursor, row, stored) for row, stored, _ in waiting]
            for key, identity, reason, maybe_billed, cost in attempts:
                self.insert_attempt(cursor, key, identity, reason, maybe_billed, cost)
            cursor.execute("COMMIT")
        except Exception:
            self.backends.clear()  # their rows are rolled back with the rest
            if self.connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise
        return results

    def insert(self, cursor: sqlite3.Cursor, row: ReplyRow, stored: StoredReply) -> StoredReply:
        """Insert one reply, or return the one that another process stored first."""
        key, identity, *rest = row
        cursor.execute(
            "INSERT INTO replies (key, backend, request, raw, input_tokens, output_tokens, cost_dollars) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
            (key, self.backend(cursor, identity), *rest),
        )
        if cursor.rowcount:
            return stored
        self.insert_attempt(cursor, key, identity, "answered twice: another process stored a reply first", True, row[6])
        found = cursor.execute(
            "SELECT raw, input_tokens, output_tokens, cost_dollars FROM replies WHERE key = ?", (key,)
        ).fetchone()
        return type(stored)(key, json.loads(found[0]), *found[1:])

    def insert_attempt(
        self, cursor: sqlite3.Cursor, key: str, identity: str, reason: str, maybe_billed: bool, cost: float | None
    ) -> None:
        """Insert one failed call."""
        cursor.execute(
            "INSERT INTO attempts (key, backend, reason, maybe_billed, cost_dollars) VALUES (?, ?, ?, ?, ?)",
            (key, self.backend(cursor, identity), reason, maybe_billed, cost),
        )

    def backend(self, cursor: sqlite3.Cursor, identity: str) -> int:
        """Return the row number of a backend's identity."""
        if identity not in self.backends:
            cursor.execute("INSERT INTO backends (identity) VALUES (?) ON CONFLICT DO NOTHING", (identity,))
            found = cursor.execute("SELECT id FROM backends WHERE identity = ?", (identity,)).fetchone()
            self.backends[identity] = found[0]
        return self.backends[identity]

    def storage_error(self, error: Exception, lost: int) -> StorageError:
        """Describe a refused write."""
        return StorageError(
            f"Could not write to the ledger {self.path}: {error}. All that was committed before is safe; {lost} "
            "replies that had just arrived are not saved and will be asked for again. Free space on that disk, then "
            "run the same command again."
        )


def take(queue: deque[T]) -> list[T]:
    """Remove up to `LARGEST_GROUP` entries from the front of a queue."""
    return [queue.popleft() for _ in range(min(len(queue), LARGEST_GROUP))]


def tell(waiting: list[Waiting], results: list[StoredReply | StorageError] | list[StorageError]) -> None:
    """Resolve the futures of a group, in one call to each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[StoredReply], StoredReply | StorageError]]] = {}
    for (_, _, future), result in zip(waiting, results, strict=True):
        by_loop.setdefault(future.get_loop(), []).append((future, result))
    for loop, pairs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(resolve, pairs)


def resolve(pairs: list[tuple[asyncio.Future[StoredReply], StoredReply | StorageError]]) -> None:
    """Set the results of futures that nobody has cancelled."""
    for future, result in pairs:
        if future.done():
            continue
        if isinstance(result, StorageError):
            future.set_exception(result)
        else:
            future.set_result(result)
