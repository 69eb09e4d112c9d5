from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lessons.errors import DataError, StorageError
from teachers.ledger.ledger import Ledger
from teachers.ledger.ledger_records import Attempted, StoredReply

IDENTITY = '{"model":"m"}'

WRITER = """
import asyncio, sys
from teachers.ledger.ledger import Ledger

async def main(path, name, count):
    with Ledger(path) as ledger:
        async def one(k):
            stored = await ledger.put(f"{name}-{k}", "{}", "{}", {"text": "x" * 200, "by": name}, 1, 2, 0.5)
            print(stored.key, flush=True)
        for start in range(0, count, 20):
            await asyncio.gather(*(one(k) for k in range(start, start + 20)))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""

FULL_DISK = """
import asyncio, resource, sys
from lessons.errors import StorageError
from teachers.ledger import ledger_writer
from teachers.ledger.ledger import Ledger

ledger_writer.PATIENCE_SECONDS = 0.5

async def main(path):
    with Ledger(path) as ledger:
        for k in range(50):
            await ledger.put(f"early-{k}", "{}", "{}", {"text": "x" * 500}, 1, 2, 0.5)
            print(f"early-{k}", flush=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            for k in range(10_000):
                await ledger.put(f"late-{k}", "{}", "{}", {"text": "x" * 500}, 1, 2, 0.5)
                print(f"late-{k}", flush=True)
        except StorageError as error:
            print("ERROR", error, flush=True)

asyncio.run(main(sys.argv[1]))
"""


def start(program: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def store(ledger: Ledger, key: str, text: str = "hello") -> StoredReply:
    async def put() -> StoredReply:
        return await ledger.put(key, IDENTITY, '{"messages":[]}', {"text": text}, 3, 4, 0.25)

    return asyncio.run(put())


def test_a_reply_comes_back_as_it_went_in(tmp_path: Path) -> None:
    with Ledger(tmp_path / "new" / "ledger.sqlite") as ledger:
        assert ledger.get("k") is None
        stored = store(ledger, "k", "ünï\ud83d \u2028")
        assert ledger.get("k") == stored == StoredReply("k", {"text": "ünï\ud83d \u2028"}, 3, 4, 0.25)
        assert "k" in ledger
        assert "other" not in ledger
    with Ledger(tmp_path / "new" / "ledger.sqlite") as again:
        assert again.get("k") == stored
        assert list(again.requests()) == [(stored, IDENTITY, {"messages": []})]
        assert again.identities() == [IDENTITY]


def test_the_first_reply_to_a_key_stays(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        first = store(ledger, "k", "first")
        assert store(ledger, "k", "second") == first
        assert [attempt.maybe_billed for attempt in ledger.attempts("k")] == [True]


def test_of_replies_stored_together_only_the_known_ones_are_turned_down(tmp_path: Path) -> None:
    async def together(ledger: Ledger) -> list[StoredReply]:
        keys = [f"k{k}" for k in range(150)] + ["k7"]
        puts = [ledger.put(key, IDENTITY, "{}", {"text": f"{place}"}, 1, 2, 0.5) for place, key in enumerate(keys)]
        return list(await asyncio.gather(*puts))

    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        first = store(ledger, "k70", "first")
        stored = asyncio.run(together(ledger))
        assert stored[70] == first
        assert stored[150] == stored[7]
        assert [reply.raw["text"] for k, reply in enumerate(stored[:150]) if k != 70] == [
            f"{k}" for k in range(150) if k != 70
        ]
        assert sorted(attempt.key for attempt in ledger.attempts()) == ["k7", "k70"]
        assert [reply.key for reply, _, _ in ledger.requests()] == ["k70", *(f"k{k}" for k in range(150) if k != 70)]


def test_failed_attempts_are_listed(tmp_path: Path) -> None:
    attempted = Attempted("k", "APIError: 500", False)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.put_attempt("k", IDENTITY, attempted)
        store(ledger, "k")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert list(ledger.attempts()) == [attempted]
        totals = ledger.totals(IDENTITY)
        assert (totals.replies, totals.failed_attempts, totals.cost_dollars, totals.unpriced) == (1, 1, 0.25, 0)
        assert ledger.totals("{}").replies == 0


def test_a_killed_process_loses_nothing_it_was_told_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    told = set()
    for round_number in range(3):
        process = start(WRITER, path, f"r{round_number}", 100_000)
        assert process.stdout is not None
        for _ in range(70):
            told.add(process.stdout.readline().strip())
        process.kill()
        told |= {line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")}
        process.communicate()
    told = {key.strip() for key in told}
    assert len(told) >= 210
    with Ledger(path) as ledger:
        assert all(key in ledger for key in told)
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_two_processes_share_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    processes = [start(WRITER, path, name, 200) for name in ("same", "same", "other")]
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert len(output.splitlines()) == 200
    with Ledger(path) as ledger:
        totals = ledger.totals()
        assert totals.replies == 400
        assert totals.failed_attempts == 200  # "same" answered twice: both are paid for, both are listed


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    output, errors = start(FULL_DISK, path).communicate(timeout=60)
    *stored, last = output.splitlines()
    assert last.startswith("ERROR Could not write to the ledger"), errors
    assert "Free space on that disk" in last
    with Ledger(path) as ledger:
        assert len(stored) >= 50
        assert all(key in ledger for key in stored)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_text("this is no database, and long enough to be read as one " * 10)
    with pytest.raises(DataError, match=r"is not a ledger \(file is not a database\).*Give another path"):
        Ledger(path).__enter__()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DataError, match="written by a newer version"):
        Ledger(path).__enter__()


def test_a_folder_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(StorageError, match="Cannot open the ledger"):
        Ledger(tmp_path / "ledger.sqlite").__enter__()


def test_waiting_replies_share_a_transaction(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        commits: list[str] = []
        ledger.running_writer.connection.set_trace_callback(commits.append)

        async def many() -> None:
            await asyncio.gather(*(ledger.put(f"k{k}", IDENTITY, "{}", {"text": "x"}, 1, 1, None) for k in range(500)))

        asyncio.run(many())
        time.sleep(0)
        assert commits.count("COMMIT") <= 5


def test_raw_replies_are_readable_by_anyone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        store(ledger, "k")
    with sqlite3.connect(path) as connection:
        (raw,) = connection.execute("SELECT raw FROM replies").fetchone()
    connection.close()
    assert json.loads(raw) == {"text": "hello"}


FORMAT_1 = """
CREATE TABLE backends (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE replies (
    key TEXT NOT NULL UNIQUE, backend INTEGER NOT NULL REFERENCES backends (id), request TEXT NOT NULL,
    raw TEXT NOT NULL, input_tokens INTEGER, output_tokens INTEGER, cost_dollars REAL,
    stored_at REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400.0)
);
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, backend INTEGER NOT NULL REFERENCES backends (id), reason TEXT NOT NULL,
    maybe_billed INTEGER NOT NULL, cost_dollars REAL,
    tried_at REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400.0)
);
INSERT INTO backends VALUES (1, '{"model":"m"}');
INSERT INTO replies VALUES ('old', 1, '{"messages":[]}', '{"text":"kept"}', 3, 4, 0.25, 1700000000.0);
INSERT INTO attempts VALUES (1, 'old', 1, 'APIError: 500', 0, NULL, 1700000000.0);
PRAGMA user_version = 1;
"""


def test_a_ledger_of_the_first_format_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(FORMAT_1)
    connection.close()
    for _ in range(2):
        with Ledger(path) as ledger:
            assert ledger.get("old") == StoredReply("old", {"text": "kept"}, 3, 4, 0.25)
            assert [attempt.reason for attempt in ledger.attempts()] == ["APIError: 500"]
            assert ledger.rows("PRAGMA user_version").fetchone() == (2,)
            assert ledger.rows("SELECT count(*) FROM batches").fetchone() == (0,)


WAITING_DISK = """
import asyncio, resource, sys, threading
from teachers.ledger import ledger_writer
from teachers.ledger.ledger import Ledger

ledger_writer.RETRY_SECONDS = 0.05

async def main(path):
    with Ledger(path) as ledger:
        await ledger.put("early", "{}", "{}", {"text": "x" * 500}, 1, 2, 0.5)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        threading.Timer(1.0, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)).start()
        await asyncio.gather(*(ledger.put(f"k{k}", "{}", "{}", {"text": "x" * 500}, 1, 2, 0.5) for k in range(500)))
        print("STORED", len(list(ledger.requests())))

asyncio.run(main(sys.argv[1]))
"""


def test_replies_that_meet_a_full_disk_are_kept_until_there_is_space(tmp_path: Path) -> None:
    output, errors = start(WAITING_DISK, tmp_path / "ledger.sqlite").communicate(timeout=60)
    assert output.strip() == "STORED 501", errors
    assert "trying again for a while" in errors
