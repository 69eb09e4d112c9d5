from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachers.ledger import absent_keys
from teachers.ledger.ledger import Ledger

OTHER = """
import asyncio, sys
from teachers.ledger.ledger import Ledger

async def main(path, keys):
    with Ledger(path) as ledger:
        await asyncio.gather(*(ledger.put(key, "{}", "{}", {"text": key}, 1, 2, 0.5) for key in keys))

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


def store(ledger: Ledger, *keys: str) -> None:
    async def put() -> None:
        await asyncio.gather(*(ledger.put(key, "{}", "{}", {"text": key}, 1, 2, 0.5) for key in keys))

    asyncio.run(put())


def in_another_process(path: Path, *keys: str) -> None:
    subprocess.run([sys.executable, "-c", OTHER, str(path), *keys], check=True)


def queries(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that will hold every query from now on."""
    asked: list[str] = []
    rows = ledger.rows

    def counted(query: str, *values: object) -> object:
        asked.append(query)
        return rows(query, *values)

    monkeypatch.setattr(ledger, "rows", counted)
    return asked


def test_a_run_that_buys_does_not_ask_the_file_for_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absent_keys, "FRESH_SECONDS", 3600.0)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.get("first") is None
        asked = queries(ledger, monkeypatch)
        for k in range(1_000):
            assert ledger.get(f"key-{k}") is None
        assert len(asked) <= 3
        store(ledger, "mine")
        found = ledger.get("mine")
        assert found is not None
        assert found.raw == {"text": "mine"}


def test_a_full_ledger_is_learnt_a_piece_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absent_keys, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(absent_keys, "ROWS_AT_ONCE", 100)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        store(ledger, *(f"old-{k}" for k in range(950)))
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for look in range(10):
            assert not ledger.absent.complete, look
            assert ledger.get(f"new-{look}") is None
        assert ledger.absent.complete
        asked = queries(ledger, monkeypatch)
        assert "new" in ledger.absent
        assert asked == []
        assert all(ledger.get(f"old-{k}") is not None for k in range(950))


def test_no_mark_is_made_while_everything_is_found(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        store(ledger, "a", "b")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.get("a") is not None
        assert ledger.get("b") is not None
        assert not any(ledger.absent.marks)


def test_what_another_process_stores_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absent_keys, "FRESH_SECONDS", 0.0)
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        assert ledger.get("theirs") is None
        assert "theirs" in ledger.absent
        in_another_process(path, "theirs", "more")
        assert ledger.get("theirs") is not None
        store(ledger, "ours")
        in_another_process(path, "later")
        assert all(ledger.get(key) is not None for key in ("more", "ours", "later"))
        assert ledger.get("nobody's") is None


def test_what_a_run_bought_itself_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absent_keys, "FRESH_SECONDS", 0.0)
    marked: list[str] = []
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.get("first") is None
        store(ledger, *(f"ours-{k}" for k in range(200)))
        monkeypatch.setattr(ledger.absent, "mark", marked.append)
        assert ledger.get("nobody's") is None
        assert marked == []
        in_another_process(tmp_path / "ledger.sqlite", "theirs")
        assert ledger.get("nobody's") is None
        assert marked == ["theirs"]


def test_a_closed_ledger_knows_of_no_absence(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with ledger:
        assert ledger.get("a") is None
    with pytest.raises(RuntimeError, match="closed"):
        ledger.get("a")
    in_another_process(tmp_path / "ledger.sqlite", "a")
    with ledger:
        assert ledger.get("a") is not None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABR"), st.integers(0, 30)), max_size=60), st.integers(1, 7))
def test_no_key_that_was_stored_is_ever_absent(steps: list[tuple[str, int]], at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(absent_keys, "FRESH_SECONDS", 0.0)
        patch.setattr(absent_keys, "ROWS_AT_ONCE", at_once)
        patch.setattr(absent_keys, "BYTES", 4)  # marks collide all the time
        stored: set[str] = set()
        with Ledger(Path(folder) / "l.sqlite") as one, Ledger(Path(folder) / "l.sqlite") as other:
            for who, number in steps:
                key = f"k{number}"
                for ledger in (one, other):
                    found = ledger.get(key)
                    assert (found is not None) == (key in stored)
                if who != "R":
                    store(one if who == "A" else other, key)
                    stored.add(key)
