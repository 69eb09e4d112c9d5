"""The tables of a ledger, and how its file is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["connect", "connect_to_write"]

FORMAT = 2  # 1: without batches
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
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY,
    tag TEXT NOT NULL UNIQUE,            -- our name of it, written before it is handed in
    backend INTEGER NOT NULL REFERENCES backends (id),
    name TEXT,                           -- the provider's name of it; NULL: perhaps never handed in
    made_at REAL NOT NULL,               -- seconds since 1970
    outcome TEXT                         -- NULL: to be collected
);
CREATE TABLE IF NOT EXISTS batch_members (
    batch INTEGER NOT NULL REFERENCES batches (id),
    key TEXT NOT NULL,
    request TEXT NOT NULL,               -- JSON
    most_dollars REAL NOT NULL,          -- what it can cost at the worst
    most_tokens INTEGER NOT NULL,
    PRIMARY KEY (batch, key)
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that survives being shared with other processes."""
    connection = sqlite3.connect(path, timeout=60.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 60000")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")  # 64 MB: keys are random, so a small cache misses at every row
    return connection


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open the connection that writes, and bring the file to the present format: older ones lack tables, no more.

    Raises:
        sqlite3.DatabaseError: The file is no database, or a newer version wrote it.
    """
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    if connection.execute("PRAGMA user_version").fetchone()[0] > FORMAT:
        connection.close()
        raise sqlite3.DatabaseError(f"written by a newer version; this one reads format {FORMAT}")
    connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
    return connection
