"""kill -9 at random moments, 50 times: nothing received is paid again, and the file comes out as if undisturbed."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from killable import IMPORTS
from provider import Provider, serving

from tests.forked import Forker, Process, forker

PROMPTS, IN_FLIGHT = 100, 16
CALLS = 2 * PROMPTS
KILLS_A_ROUND = 5


@dataclass
class Killer:
    """Kills one kind of run at moments spread over all of its time, round after round, each in a folder of its own."""

    runs: Forker
    provider: Provider
    vendor: str
    batches: dict[str, Any] | None
    generator: random.Random
    kills: int = 0
    stored: list[tuple[int, set[str]]] = field(default_factory=list)
    """At each kill: how many calls the provider had charged, and the questions whose replies were on disk."""

    def start(self, folder: Path) -> Process:
        url = self.provider.openai_url if self.vendor == "openai" else self.provider.anthropic_url
        settings = {"folder": str(folder), "vendor": self.vendor, "url": url, "batches": self.batches}
        told = json.dumps({**settings, "prompts": PROMPTS, "in_flight": IN_FLIGHT})
        return self.runs.start("killable", [told], folder=Path(__file__).parent)

    def to_the_end(self, folder: Path) -> None:
        run = self.start(folder)
        _, complained = run.communicate()
        assert run.wait() == 0, complained

    def undisturbed(self, folder: Path) -> tuple[bytes, float]:
        """Run to the end; return the file and the seconds it took."""
        begin = time.monotonic()
        self.to_the_end(folder)
        return (folder / "lessons.parquet").read_bytes(), time.monotonic() - begin

    def one_round(self, folder: Path, seconds: float) -> None:
        """Kill a few runs over one ledger, then let one end; a run that ends before its kill ends the round."""
        for _ in range(KILLS_A_ROUND):
            run = self.start(folder)
            # Early moments (start, first calls) count as much as all later ones together: squares lean to zero.
            time.sleep(1.1 * seconds * self.generator.random() ** 2)
            run.kill()
            if run.wait() != -signal.SIGKILL:
                break
            self.kills += 1
            self.stored.append((len(self.provider.bill.charges), questions_on_disk(folder)))
        self.to_the_end(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    """Start runs without the time that their imports take: kills fall into a run's own time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_KEY", "key")
        with forker(tmp_path_factory.mktemp("printed"), *IMPORTS) as started:
            yield started


def questions_on_disk(folder: Path) -> set[str]:
    """Return the questions whose replies the ledger holds."""
    path = folder / "ledger.sqlite"
    if not path.exists():
        return set()
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("SELECT json_extract(request, '$.messages[#-1][1]') FROM replies").fetchall()
    except sqlite3.OperationalError:  # killed before the tables were made
        return set()
    finally:
        connection.close()
    return {row[0] for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "kills"), [("openai", 13), ("anthropic", 12)])
def test_kills_in_live_mode(runs: Forker, tmp_path: Path, vendor: str, kills: int) -> None:
    with serving(latency_seconds=0.02) as provider:
        killer = Killer(runs, provider, vendor, None, random.Random(f"live {vendor}"))
        whole, seconds = killer.undisturbed(tmp_path / "undisturbed")
        rounds = 0
        while killer.kills < kills:
            folder, charged, killed = tmp_path / f"round{rounds}", len(provider.bill.charges), killer.kills
            killer.stored.clear()
            killer.one_round(folder, seconds)
            rounds += 1
            assert (folder / "lessons.parquet").read_bytes() == whole
            charges = provider.bill.charges[charged:]
            assert len({charge.key for charge in charges}) == CALLS
            assert len(charges) - CALLS <= (killer.kills - killed) * IN_FLIGHT
            for position, stored in killer.stored:
                assert not stored & {charge.question for charge in provider.bill.charges[position:]}
    assert rounds > 1


BATCHES = {"largest": 60, "quiet_seconds": 0.05, "poll_seconds": 0.02, "find_seconds": 0.5}


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "kills"), [("openai", 13), ("anthropic", 12)])
def test_kills_in_batch_mode(runs: Forker, tmp_path: Path, vendor: str, kills: int) -> None:
    with serving(batch_seconds=0.3) as provider:
        killer = Killer(runs, provider, vendor, BATCHES, random.Random(f"batch {vendor}"))
        whole, seconds = killer.undisturbed(tmp_path / "undisturbed")
        bill = provider.bill.dollars
        rounds = 0
        while killer.kills < kills:
            folder = tmp_path / f"round{rounds}"
            rounds += 1
            provider.batches.clear()  # or those of the round before, which hold the same requests, could be found
            charged = len(provider.bill.charges)
            killer.one_round(folder, seconds)
            assert (folder / "lessons.parquet").read_bytes() == whole
            times = Counter(line.custom_id for batch in provider.batches.values() for line in batch.lines)
            assert len(times) == CALLS
            assert set(times.values()) == {1}  # handed in twice: paid twice
            assert sum(charge.dollars for charge in provider.bill.charges[charged:]) == bill
