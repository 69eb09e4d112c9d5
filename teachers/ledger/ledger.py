"""The durable record of every call ever paid for: SQLite in WAL mode, raw replies committed before they are used."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from lessons.errors import DataError, StorageError
from teachers.exchange import JSON
from teachers.ledger.absent_keys import AbsentKeys
from teachers.ledger.ledger_records import Attempted, LedgerTotals, StoredReply
from teachers.ledger.ledger_schema import connect
from teachers.ledger.ledger_writer import LedgerWriter

__all__ = ["Ledger"]

write_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class Ledger:
    """A file that holds every call: key, request, raw reply, usage, cost. Safe with several processes at once.

    Reading happens on the caller's thread; writing in a thread of its own, one transaction for all replies that wait.
    Use it in a `with` block.

    Args:
        path: The SQLite file; it is made when missing, with its folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.reader: sqlite3.Connection | None = None
        self.writer: LedgerWriter | None = None
        self.absent = AbsentKeys(self.rows, deque())

    def __enter__(self) -> Ledger:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.writer = LedgerWriter(self.path)
            self.absent = AbsentKeys(self.rows, self.writer.own_rows)
            self.reader = connect(self.path)
        except sqlite3.DatabaseError as error:
            self.close()
            if isinstance(error, sqlite3.OperationalError):
                raise StorageError(
                    f"Cannot open the ledger {self.path}: {error}. It must be a writable SQLite file or a new path "
                    "on a disk with space. Free space or correct the path, then run again."
                ) from error
            raise DataError(
                f"{self.path} is not a ledger ({error}). A ledger is an SQLite file that tutelage made. "
                "Give another path."
            ) from error
        except OSError as error:
            raise StorageError(
                f"Cannot make the folder of the ledger {self.path}: {error.strerror}. Give a path on a writable disk."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what still waits, and close the file."""
        if self.reader is not None:
            self.reader.close()
            self.reader = None
            self.absent = AbsentKeys(self.rows, deque())  # the file may be another when it is opened again
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    def get(self, key: str) -> StoredReply | None:
        """Return the reply stored under a key, or None."""
        if key in self.absent:
            return None
        row = self.rows(
            "SELECT raw, input_tokens, output_tokens, cost_dollars FROM replies WHERE key = ?", key
        ).fetchone()
        if row is None:
            self.absent.missed()
            return None
        return StoredReply(key, json.loads(row[0]), *row[1:])

    def __contains__(self, key: str) -> bool:
        return self.rows("SELECT 1 FROM replies WHERE key = ?", key).fetchone() is not None

    def put(
        self,
        key: str,
        identity: str,
        request: str,
        raw: JSON,
        input_tokens: int | None,
        output_tokens: int | None,
        cost_dollars: float | None,
    ) -> asyncio.Future[StoredReply]:
        """Store a reply; the result arrives when it is on disk.

        If another process stored this key first, its reply is the result, and ours is listed among the attempts.

        Raises:
            StorageError: (by the result) The disk refused the write.
        """
        self.absent.mark(key)
        written = write_json(raw)
        text = storable(written)
        if text != written:
            raw = json.loads(text)  # what a later run will read
        row = (key, identity, storable(request), text, input_tokens, output_tokens, cost_dollars)
        return self.running_writer.put_reply(row, StoredReply(key, raw, input_tokens, output_tokens, cost_dollars))

    def put_attempt(self, key: str, identity: str, attempted: Attempted) -> None:
        """List a call that brought no reply."""
        self.running_writer.put_attempt((key, identity, storable(attempted.reason), attempted.maybe_billed, None))

    def attempts(self, key: str | None = None) -> Iterator[Attempted]:
        """Yield the calls that brought no reply, oldest first; of one key only, if given."""
        where, values = ("WHERE key = ?", (key,)) if key else ("", ())
        for row in self.rows(f"SELECT key, reason, maybe_billed FROM attempts {where} ORDER BY id", *values):
            yield Attempted(row[0], row[1], bool(row[2]))

    def requests(self) -> Iterator[tuple[StoredReply, str, JSON]]:
        """Yield every reply, oldest first, with the identity (JSON) of its backend and its request."""
        for row in self.rows(
            "SELECT key, raw, input_tokens, output_tokens, cost_dollars, backends.identity, request "
            "FROM replies JOIN backends ON backends.id = backend ORDER BY replies.rowid"
        ):
            yield StoredReply(row[0], json.loads(row[1]), *row[2:5]), row[5], json.loads(row[6])

    def identities(self) -> list[str]:
        """Return the identities (JSON) of all backends that ever answered, oldest first."""
        return [row[0] for row in self.rows("SELECT identity FROM backends ORDER BY id")]

    def totals(self, identity: str | None = None) -> LedgerTotals:
        """Add up the ledger, or the part of one backend."""
        of = "WHERE backend = (SELECT id FROM backends WHERE identity = ?)" if identity is not None else ""
        values = () if identity is None else (identity,)
        sums = self.rows(
            "SELECT count(*), ifnull(sum(input_tokens), 0), ifnull(sum(output_tokens), 0), "
            f"ifnull(sum(cost_dollars), 0.0), count(*) - count(cost_dollars) FROM replies {of}",
            *values,
        ).fetchone()
        failed = self.rows(f"SELECT count(*) FROM attempts {of}", *values).fetchone()[0]
        return LedgerTotals(sums[0], failed, *sums[1:])

    def rows(self, query: str, *values: object) -> sqlite3.Cursor:
        """Run a reading query."""
        if self.reader is None:
            raise RuntimeError("The ledger is closed; use it in a `with` block.")
        try:
            return self.reader.execute(query, values)
        except sqlite3.DatabaseError as error:
            raise StorageError(
                f"Cannot read the ledger {self.path}: {error}. Check the disk; `sqlite3 {self.path} '.recover'` "
                "saves what is left of a damaged file."
            ) from error

    @property
    def running_writer(self) -> LedgerWriter:
        """The writing thread of an open ledger."""
        if self.writer is None:
            raise RuntimeError("The ledger is closed; use it in a `with` block.")
        return self.writer


def storable(text: str) -> str:
    r"""Write lone surrogates, which models do emit and UTF-8 cannot hold, as JSON escapes.

    >>> storable("caf\u00e9 \ud800")
    'café \\ud800'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
