from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import BudgetExceeded, ConfigError, PartialResult, Stopped
from lessons.records import Prompt
from lessons.tables import read_annotations
from teachers import Budget, DifficultyAnnotator, Ledger, Limits, RationaleAnnotator, ScriptedBackend, distill
from teachers.batches.batching import Batches
from teachers.estimate import estimate
from teachers.pipeline import Pipeline

spec = importlib.util.spec_from_file_location("batch_teacher", Path(__file__).with_name("batch_teacher.py"))
assert spec is not None
assert spec.loader is not None
batch_teacher = importlib.util.module_from_spec(spec)
sys.modules["batch_teacher"] = batch_teacher
spec.loader.exec_module(batch_teacher)
Room, BatchTeacher = batch_teacher.Room, batch_teacher.BatchTeacher

SOON = Batches(largest=64, prompts_at_once=500, quiet_seconds=0.05, poll_seconds=0.01, find_seconds=0.05)
QUICK = Limits(attempts=4, first_wait_seconds=0.01, longest_wait_seconds=0.05, patience_seconds=2.0)


def run(room: Any, folder: Path, prompts: list[Prompt], batches: Batches | None = SOON, **more: Any) -> Any:
    return distill(
        prompts,
        BatchTeacher(room),
        more.pop("annotators", [DifficultyAnnotator()]),
        None,
        folder / "ledger.sqlite",
        folder / "lessons.parquet",
        more.pop("limits", QUICK),
        progress=False,
        batches=batches,
        **more,
    )


def abandon(room: Any, folder: Path, prompts: list[Prompt], until: Any) -> None:
    """Break a batch run off at a point, as if it had been killed: nothing is awaited."""
    pipeline = Pipeline(
        prompts, BatchTeacher(room), [DifficultyAnnotator()], None, folder / "ledger.sqlite", QUICK, Budget(), SOON
    )
    with pipeline:
        while not until():
            time.sleep(0.005)
        time.sleep(0.05)
        pipeline.cancel()
        with pytest.raises(Stopped, match="broken off"):
            list(pipeline)


def same_lessons(one: Path, other: Path) -> bool:
    def content(path: Path) -> list[Any]:
        return [(a.prompt_id, a.kind, a.text, a.provenance.request_key) for a in read_annotations(path)]

    return content(one) == content(other)


def test_a_batch_run_gives_what_a_live_run_gives_at_the_batch_price(tmp_path: Path, sums: Any) -> None:
    live, room = Room(), Room(looks=2)
    dear = run(live, tmp_path / "live", sums(200), batches=None)
    cheap = run(room, tmp_path / "batch", sums(200))
    assert same_lessons(tmp_path / "live" / "lessons.parquet", tmp_path / "batch" / "lessons.parquet")
    assert len(room.batches) == 4  # 200 in batches of 64
    assert cheap.dollars == pytest.approx(room.dollars)
    assert cheap.dollars == pytest.approx(dear.dollars / 2)
    with Ledger(tmp_path / "batch" / "ledger.sqlite") as ledger:
        assert ledger.totals().cost_dollars == pytest.approx(room.dollars)
        assert ledger.rows("SELECT count(*) FROM batch_members").fetchone() == (0,)


def test_later_asks_go_into_later_batches(tmp_path: Path, sums: Any) -> None:
    """The second annotator asks when the first has its reply; a repair asks again."""
    room = Room()
    summary = run(room, tmp_path, sums(50), annotators=[RationaleAnnotator(max_asks=1), DifficultyAnnotator()])
    assert summary.calls == sum(room.answered.values())
    assert max(room.answered.values()) == 1
    assert len(room.batches) >= 2


def test_live_then_batch_then_live_pays_nothing_twice(tmp_path: Path, sums: Any) -> None:
    room = Room()
    assert run(room, tmp_path, sums(30), batches=None).calls == 30
    assert run(room, tmp_path, sums(80)).calls == 50
    assert run(room, tmp_path, sums(100), batches=None).calls == 20
    assert run(room, tmp_path, sums(100)).calls == 0
    assert max(room.answered.values()) == 1


def test_expired_requests_heal_in_later_batches(tmp_path: Path, sums: Any) -> None:
    room = Room(expires=0.3)
    summary = run(room, tmp_path, sums(150))
    assert summary.calls == 150
    assert summary.failed_attempts > 10
    assert max(room.answered.values()) == 1
    assert max(room.handed_in.values()) == 2
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert {a.reason.split(": ")[1] for a in ledger.attempts()} == {"expired"}


def test_what_never_heals_is_a_failure(tmp_path: Path, sums: Any) -> None:
    room = Room()
    room.handed_in = type("Always", (dict,), {"__getitem__": lambda s, k: 1, "update": lambda s, k: None})()
    room.expires = 1.0
    with pytest.raises(PartialResult, match=r"did not answer in a batch .after 4 tries.: expired"):
        run(room, tmp_path, sums(3))


def test_one_bad_request_does_not_fail_the_others(tmp_path: Path, sums: Any) -> None:
    prompts = sums(40)
    room = Room()
    from teachers.annotators.difficulty import DifficultyAnnotator as Asked

    annotator = Asked()
    room.bad = frozenset({annotator.build(prompts[17])[-1].content})
    summary = run(room, tmp_path, prompts, allow_partial=True)
    assert (summary.failures, summary.annotations) == (1, 39)
    assert max(room.answered.values()) == 1


def test_an_answer_lost_after_handing_in_is_no_second_batch(tmp_path: Path, sums: Any) -> None:
    room = Room(lose_answer=True)
    run(room, tmp_path, sums(20))
    assert len(room.batches) == 1
    assert room.found == 1


@pytest.mark.parametrize("mode", ["batch", "live"])
@pytest.mark.parametrize("point", ["submit before", "submit after", "status"])
def test_a_run_broken_off_anywhere_pays_nothing_twice(
    tmp_path: Path, sums: Any, monkeypatch: pytest.MonkeyPatch, point: str, mode: str
) -> None:
    monkeypatch.setattr("teachers.batches.batch_desk.Batches", lambda: SOON)  # what a live run waits by
    room = Room(hang_at=point)

    def there() -> bool:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            column = "name" if point == "status" else "tag"
            return ledger.rows(f"SELECT count({column}) FROM batches").fetchone()[0] >= 1

    abandon(room, tmp_path, sums(50), there)
    room.hang_at = None
    summary = run(room, tmp_path, sums(50), batches=SOON if mode == "batch" else None)
    assert summary.annotations == 50
    assert len(room.answered) == 50
    assert max(room.answered.values()) == 1
    if point != "submit before":
        assert max(room.handed_in.values()) == 1
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.totals().cost_dollars == pytest.approx(room.dollars)
        assert ledger.rows("SELECT count(*) FROM batches WHERE outcome IS NULL").fetchone() == (0,)


def test_stopping_says_what_is_under_way(tmp_path: Path, sums: Any) -> None:
    room = Room(looks=10**9)

    def interrupt() -> None:
        while not room.looked:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in the background it is ignored
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(Stopped, match=r"Stopped by the user.*1 batch with 40 requests.*collects them"):
        run(room, tmp_path, sums(40))
    signal.signal(signal.SIGINT, before)
    room.looks = 1
    assert run(room, tmp_path, sums(40)).calls == 40
    assert len(room.batches) == 1


def test_waiting_too_long_stops_with_everything_saved(tmp_path: Path, sums: Any) -> None:
    room = Room(looks=10**9)
    with pytest.raises(Stopped, match=r"under way for more than 0 hours.*collects them"):
        run(room, tmp_path, sums(5), Batches(quiet_seconds=0.01, poll_seconds=0.01, longest_wait_hours=0))


@pytest.mark.parametrize("calls", [0, 1, 37, 200])
def test_a_budget_holds_in_batch_mode(tmp_path: Path, sums: Any, calls: int) -> None:
    room = Room()
    if calls < 100:
        with pytest.raises(BudgetExceeded):
            run(room, tmp_path, sums(100), budget=Budget(calls=calls))
    else:
        run(room, tmp_path, sums(100), budget=Budget(calls=calls))
    assert sum(room.answered.values()) == min(calls, 100)


def test_a_dollar_budget_counts_the_batch_price(tmp_path: Path, sums: Any) -> None:
    room = Room()
    with pytest.raises(BudgetExceeded):
        run(room, tmp_path, sums(100), budget=Budget(dollars=0.01))
    assert 0 < room.dollars <= 0.01


def test_a_teacher_without_batches_is_refused(tmp_path: Path, sums: Any) -> None:
    teacher = ScriptedBackend("teachers.programs.addition:answer")
    with pytest.raises(ConfigError, match=r"ScriptedBackend .* has no batch interface. Leave batches out"):
        distill(sums(1), teacher, [DifficultyAnnotator()], None, tmp_path / "l", tmp_path / "o", batches=Batches())


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="Batches largest must be 1 or more, got 0"):
        Batches(largest=0).check()
    with pytest.raises(ConfigError, match="Batches poll_seconds must be 0 or more, got -1"):
        Batches(poll_seconds=-1).check()


def test_an_estimate_counts_the_batch_price(tmp_path: Path, sums: Any) -> None:
    arguments = (sums(10), BatchTeacher(Room()), [DifficultyAnnotator()], None, tmp_path / "l")
    live, batched = estimate(*arguments), estimate(*arguments, batches=Batches())
    assert live.dollars == 2 * batched.dollars
    assert live.dollars_at_most == 2 * batched.dollars_at_most
