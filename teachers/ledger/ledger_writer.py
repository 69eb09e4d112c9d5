"""The ledger's writing thread: all that waits goes into one transaction, on the disk before anyone is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lessons.errors import StorageError
from teachers.ledger.ledger_schema import connect_to_write

if TYPE_CHECKING:
    from teachers.ledger.ledger_records import StoredReply

__all__ = ["Change", "LedgerWriter"]

T = TypeVar("T")

LARGEST_GROUP = 2_000
ROWS_AT_ONCE = 64  # of one statement: each lets go of the interpreter's lock once, and is half as dear a row
GATHER_SECONDS = 0.01  # wait so long for more replies, unless enough are there: fewer, larger transactions
ENOUGH = 32
PATIENCE_SECONDS = (
    60.0  # so long a full disk is waited for; meanwhile replies wait in memory, as many as calls in flight
)
RETRY_SECONDS = 1.0
HEALS = ("SQLITE_FULL", "SQLITE_IOERR")
LOG = logging.getLogger(__name__)
ReplyRow = tuple[str, str, str, str, int | None, int | None, float | None]
AttemptRow = tuple[str, str, str, bool, float | None]
Waiting = tuple[ReplyRow, "StoredReply", "asyncio.Future[StoredReply]"]
Change = Callable[[sqlite3.Cursor], None]
WaitingChange = tuple[Change, "asyncio.Future[None]"]


class LedgerWriter:
    """Owns the one writing connection of a process.

    Args:
        path: The SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect_to_write(path)
        self.backends: dict[str, int] = {}
        self.replies: deque[Waiting] = deque()
        self.attempts: deque[AttemptRow] = deque()
        self.changes: deque[WaitingChange] = deque()
        self.own_rows: deque[tuple[int, int]] = deque()
        """First and last row of every run of replies that it committed, oldest first; for who reads to take off."""
        self.wake = threading.Event()
        self.enough = threading.Event()
        self.closing = threading.Event()
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
                rouse(self.enough)
            rouse(self.wake)
        return future

    def put_attempt(self, row: AttemptRow) -> None:
        """Queue a failed call."""
        self.attempts.append(row)
        self.wake.set()

    def put_change(self, change: Change) -> asyncio.Future[None]:
        """Queue another change, made after the replies queued before it; the future resolves once it is on disk."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.failure is not None:
            future.set_exception(self.failure)
        else:
            self.changes.append((change, future))
            self.enough.set()
            self.wake.set()
        return future

    def close(self) -> None:
        """Write what waits and end the thread."""
        self.closing.set()
        self.enough.set()
        self.wake.set()
        self.thread.join()
        self.connection.close()

    def run(self) -> None:
        """Commit group after group until closed."""
        while True:
            self.wake.wait()
            self.wake.clear()
            closing = self.closing.is_set()  # read after clearing, or its wake-up could be lost
            if not closing:
                self.enough.wait(GATHER_SECONDS)
            self.enough.clear()
            while self.replies or self.attempts or self.changes:
                self.write_group()
            if closing:
                return

    def write_group(self) -> None:
        """Commit one group and tell those who wait."""
        replies, attempts, changes = take(self.replies), take(self.attempts), take(self.changes)
        futures: list[asyncio.Future[Any]] = [*(future for *_, future in replies), *(future for _, future in changes)]
        try:
            results = self.commit_patiently(replies, attempts, changes)
        except Exception as error:  # whatever it is: those who wait must hear of it, and this thread must live
            self.failure = self.failure or self.storage_error(error, len(replies))
            tell(futures, [self.failure] * len(futures))
        else:
            tell(futures, results)

    def commit_patiently(
        self, replies: list[Waiting], attempts: list[AttemptRow], changes: list[WaitingChange]
    ) -> list[StoredReply | None]:
        """Commit; keep what has arrived in memory and try again for a while when the disk is full."""
        until = None
        while True:
            if self.failure is not None:
                raise self.failure
            try:
                return self.commit(replies, attempts, changes)
            except sqlite3.OperationalError as error:
                now = time.monotonic()
                if until is None:
                    until = now + PATIENCE_SECONDS
                    LOG.warning("Cannot write to the ledger %s (%s); trying again for a while.", self.path, error)
                if self.closing.is_set() or now >= until or not error.sqlite_errorname.startswith(HEALS):
                    raise
                self.closing.wait(RETRY_SECONDS)

    def commit(
        self, replies: list[Waiting], attempts: list[AttemptRow], changes: list[WaitingChange]
    ) -> list[StoredReply | None]:
        """Write one transaction; return what is stored under each key now, and None for each change."""
        cursor = self.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            results: list[StoredReply | None] = []
            first = cursor.execute("SELECT ifnull(max(rowid), 0) + 1 FROM replies").fetchone()[0]
            for start in range(0, len(replies), ROWS_AT_ONCE):
                results += self.insert_together(cursor, replies[start : start + ROWS_AT_ONCE])
            last = cursor.execute("SELECT ifnull(max(rowid), 0) FROM replies").fetchone()[0]
            for key, identity, reason, maybe_billed, cost in attempts:
                self.insert_attempt(cursor, key, identity, reason, maybe_billed, cost)
            for change, _ in changes:
                change(cursor)
                results.append(None)
            cursor.execute("COMMIT")
        except Exception:
            self.backends.clear()  # their rows are rolled back with the rest
            if self.connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise
        if last >= first:  # nobody else writes within a transaction
            self.own_rows.append((first, last))
        return results

    def insert_together(self, cursor: sqlite3.Cursor, replies: Sequence[Waiting]) -> list[StoredReply]:
        """Insert replies by one statement, or one by one where another process stored one of them first."""
        rows = [(row[0], self.backend(cursor, row[1]), *row[2:]) for row, _, _ in replies]
        cursor.execute("SAVEPOINT together")
        cursor.execute(insertion(len(rows)), list(chain.from_iterable(rows)))
        if cursor.rowcount == len(rows):
            cursor.execute("RELEASE together")
            return [stored for _, stored, _ in replies]
        cursor.execute("ROLLBACK TO together")
        cursor.execute("RELEASE together")
        return [self.insert(cursor, row, stored) for row, stored, _ in replies]

    def insert(self, cursor: sqlite3.Cursor, row: ReplyRow, stored: StoredReply) -> StoredReply:
        """Insert one reply, or return the one that another process stored first."""
        key, identity, *rest = row
        cursor.execute(insertion(1), (key, self.backend(cursor, identity), *rest))
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


def rouse(event: threading.Event) -> None:
    """Set an event. Setting takes a lock, and whoever clears it looks into the queues only then."""
    if not event.is_set():
        event.set()


@cache
def insertion(rows: int) -> str:
    """Return the statement that inserts so many replies and leaves out those whose key is there."""
    values = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * rows)
    return (
        "INSERT INTO replies (key, backend, request, raw, input_tokens, output_tokens, cost_dollars) "
        f"VALUES {values} ON CONFLICT (key) DO NOTHING"
    )


def take(queue: deque[T]) -> list[T]:
    """Remove up to `LARGEST_GROUP` entries from the front of a queue."""
    return [queue.popleft() for _ in range(min(len(queue), LARGEST_GROUP))]


def tell(futures: Sequence[asyncio.Future[Any]], results: Sequence[object]) -> None:
    """Resolve the futures of a group, in one call to each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], object]]] = {}
    for future, result in zip(futures, results, strict=True):
        by_loop.setdefault(future.get_loop(), []).append((future, result))
    for loop, pairs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(resolve, pairs)


def resolve(pairs: list[tuple[asyncio.Future[Any], object]]) -> None:
    """Set the results of futures that nobody has cancelled."""
    for future, result in pairs:
        if future.done():
            continue
        if isinstance(result, StorageError):
            future.set_exception(result)
        else:
            future.set_result(result)
