"""Two emulated providers behind one name: shares, refusals, dead keys, faults, kills, keys that move."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import BudgetExceeded, CallFailed, ConfigError, MissingSecret, PartialResult, Stopped
from lessons.records import Message
from lessons.tables import read_annotations
from teachers import (
    Budget,
    Ledger,
    Limits,
    OpenAIBackend,
    PoolBackend,
    PoolMember,
    RationaleAnnotator,
    ReplayBackend,
    ScriptedBackend,
    TeacherBackend,
    distill,
)  # fmt: skip
from teachers.backend import JSON, Completion, Fatal, Request, Sampling, Transient, Verdict
from teachers.calls.caller import Caller
from teachers.calls.pricing import Price
from teachers.calls.request_keys import RequestKeys
from teachers.ledger.ledger_records import StoredReply

RATIONALE = RationaleAnnotator(max_asks=1, repairs=0)
KEYS = ("first-secret-1111", "second-secret-2222")
QUICK = Limits(in_flight=20, attempts=4, first_wait_seconds=0.02, longest_wait_seconds=0.1)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST_KEY", KEYS[0])
    monkeypatch.setenv("SECOND_KEY", KEYS[1])


def openai(provider: Any, key: str = "FIRST_KEY", model: str = "gpt-test", **settings: Any) -> OpenAIBackend:
    settings = {"input_price": 1.0, "output_price": 2.0, **settings}
    return OpenAIBackend(model, provider.openai_url, api_key_variable=key, **settings)


def member(teacher: TeacherBackend, weight: float = 1.0, **settings: Any) -> PoolMember:
    return PoolMember(teacher, weight, QUICK, **settings)


def run(prompts: Any, teacher: TeacherBackend, folder: Path, name: str = "o", **more: Any) -> Any:
    settings: dict[str, Any] = {"limits": QUICK, **more}
    return distill(prompts, teacher, [RATIONALE], None, folder / "l.sqlite", folder / name, **settings)


def authors(folder: Path, name: str = "o") -> Counter[str]:
    return Counter(annotation.provenance.model for annotation in read_annotations(folder / name))


def test_shares_follow_the_weights_and_provenance_says_who_answered(loopback: Any, sums: Any, tmp_path: Path) -> None:
    with loopback() as one, loopback() as other:
        pool = PoolBackend([member(openai(one), 3.0), member(openai(other, "SECOND_KEY"), 1.0)], "both")
        few = replace(QUICK, in_flight=8)  # so few that no member is ever full: then its turn would be another's
        summary = run(sums(80), pool, tmp_path, limits=few)
        assert (summary.annotations, summary.calls) == (80, 80)
        assert abs(len(one.bodies) - 60) <= 1
        assert len(one.bodies) + len(other.bodies) == 80
        assert authors(tmp_path) == {"gpt-test (1)": len(one.bodies), "gpt-test (2)": len(other.bodies)}
        assert {headers["authorization"] for headers in one.headers} == {f"Bearer {KEYS[0]}"}
        assert {headers["authorization"] for headers in other.headers} == {f"Bearer {KEYS[1]}"}


def test_a_dead_key_takes_its_member_out_with_one_note(
    loopback: Any, sums: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with loopback(fault=lambda event: "401", latency_seconds=0.02) as dead, loopback() as alive:
        pool = PoolBackend([member(openai(dead)), member(openai(alive, "SECOND_KEY"))])
        with caplog.at_level(logging.WARNING):
            summary = run(sums(60), pool, tmp_path)
        assert (summary.annotations, summary.calls) == (60, 60)
        assert len(dead.bodies) <= 20, "only the calls that were under way already"
    notes = [record.getMessage() for record in caplog.records if "goes on without" in record.getMessage()]
    assert len(notes) == 1
    assert "The pool 'pool' goes on without gpt-test (1), which can answer nothing any more" in notes[0]
    assert not any(key in notes[0] for key in KEYS)


def test_when_no_member_is_left_the_run_stops_with_all_reasons(loopback: Any, sums: Any, tmp_path: Path) -> None:
    with loopback(fault=lambda event: "401") as one, loopback(fault=lambda event: "quota") as two:
        pool = PoolBackend([member(openai(one)), member(openai(two, "SECOND_KEY"))])
        with pytest.raises(
            CallFailed, match=r"No member of the pool 'pool' can answer any more \(gpt-test \(1\): .*"
        ) as told:
            run(sums(40), pool, tmp_path)
        assert "current quota" in str(told.value)
        assert not any(key in str(told.value) for key in KEYS)
        assert len(one.bodies) + len(two.bodies) <= 40


def test_a_limited_member_is_paused_and_the_other_takes_over(loopback: Any, sums: Any, tmp_path: Path) -> None:
    refuse = loopback(fault=lambda event: "429", retry_after_seconds=30)
    with refuse as limited, loopback() as free:
        pool = PoolBackend([member(openai(limited), 5.0), member(openai(free, "SECOND_KEY"))])
        summary = run(sums(60), pool, tmp_path)  # waiting for the 30 seconds would not end
        assert (summary.annotations, summary.calls) == (60, 60)
        assert len(limited.bodies) <= 20
        assert len(free.bodies) == 60


def test_an_error_that_may_heal_is_tried_at_another_member(loopback: Any, sums: Any, tmp_path: Path) -> None:
    with loopback(fault=lambda event: "500") as broken, loopback() as sound:
        pool = PoolBackend([member(openai(broken)), member(openai(sound, "SECOND_KEY"))])
        summary = run(sums(60), pool, tmp_path)
        assert (summary.annotations, summary.calls) == (60, 60)
        assert len(sound.bodies) == 60
        assert max(broken.received.values()) == 1, "the next try of a call goes elsewhere"
        assert len(broken.bodies) <= 30, "a member that fails in a row rests"
        with Ledger(tmp_path / "l.sqlite") as ledger:
            assert ledger.totals().failed_attempts == len(broken.bodies)


class Staged(ScriptedBackend):
    """Waits to be told how each call ends."""

    def __init__(self, version: int) -> None:
        super().__init__("teachers.programs.addition:answer", version)
        self.ends: list[asyncio.Future[Verdict]] = []

    async def send(self, request: Request) -> JSON:
        self.ends.append(asyncio.get_running_loop().create_future())
        verdict = await self.ends[-1]
        raise StagedError(verdict)

    def classify(self, error: Exception) -> Verdict:
        return error.args[0] if isinstance(error, StagedError) else Fatal()


class StagedError(Exception):
    pass


def test_a_loss_is_told_also_when_its_member_was_taken_out_meanwhile() -> None:
    """Two calls are under way at a member: one finds the key dead, then the other's reply is lost after billing."""

    async def work() -> None:
        dead = Staged(1)
        pool = PoolBackend([PoolMember(dead)])
        calls = [asyncio.ensure_future(pool.send(Request((Message("user", str(k)),)))) for k in range(2)]
        while len(dead.ends) < 2:
            await asyncio.sleep(0)
        dead.ends[0].set_result(Fatal(everywhere=True))
        await asyncio.wait(calls[:1])
        dead.ends[1].set_result(Transient(maybe_billed=True))
        first, second = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(first, Exception)
        assert isinstance(second, Exception)
        assert pool.classify(first) == Fatal(everywhere=True)
        assert pool.classify(second) == Transient(maybe_billed=True)

    asyncio.run(work())


def test_a_bad_request_fails_itself_and_nobody_else(loopback: Any, sums: Any, tmp_path: Path) -> None:
    fault = lambda event: "400" if "105+" in event.content else None  # noqa: E731
    with loopback(fault=fault) as one, loopback(fault=fault) as two:
        pool = PoolBackend([member(openai(one)), member(openai(two, "SECOND_KEY"))])
        with pytest.raises(PartialResult, match="1 of 20"):
            run(sums(20), pool, tmp_path)
        assert len(one.bodies) + len(two.bodies) == 20


def test_moving_keys_endpoints_weights_or_numbers_buys_nothing_again(
    loopback: Any, sums: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loopback() as one, loopback() as two, loopback() as three:
        run(sums(20), PoolBackend([member(openai(one)), member(openai(two))]), tmp_path)
        before = (tmp_path / "o").read_bytes()
        monkeypatch.setenv("THIRD_KEY", "third-secret-3333")
        moved = PoolBackend([member(openai(three, "THIRD_KEY"), 7.0)])
        assert run(sums(20), moved, tmp_path).calls == 0
        assert (tmp_path / "o").read_bytes() == before
        assert len(three.bodies) == 0
        for other in (
            PoolBackend([member(openai(three, model="gpt-other"))]),
            PoolBackend([member(openai(three)), member(openai(three, model="gpt-other"))]),
            PoolBackend([member(openai(three, reasoning_effort="low"))]),
            PoolBackend([member(openai(three))], "another"),
        ):
            assert RequestKeys(other.identity).key("{}") != RequestKeys(moved.identity).key("{}")
        assert PoolBackend([member(openai(one))]).model == "gpt-test"


def test_the_dearest_is_reserved_and_the_one_that_answered_is_paid(loopback: Any, sums: Any, tmp_path: Path) -> None:
    with loopback() as cheap, loopback() as dear:
        pool = PoolBackend([member(openai(cheap)), member(openai(dear, input_price=5.0, output_price=1.0))])
        assert pool.price == Price.flat(5.0, 2.0)
        summary = run(sums(30), pool, tmp_path)
        with Ledger(tmp_path / "l.sqlite") as ledger:
            replies = [pool.read(stored.raw) for stored in stored_replies(ledger)]
    rates = {"gpt-test (1)": (1.0, 2.0), "gpt-test (2)": (5.0, 1.0)}
    bill = 0.0
    for reply in replies:
        read_rate, written_rate = rates[str(reply.answered_by)]
        bill += ((reply.input_tokens or 0) * read_rate + (reply.output_tokens or 0) * written_rate) / 1e6
    assert len(replies) == 30
    assert summary.dollars == pytest.approx(bill, rel=1e-9)


def stored_replies(ledger: Ledger) -> list[StoredReply]:
    with closing(sqlite3.connect(ledger.path)) as connection:
        found = [ledger.get(key) for (key,) in connection.execute("SELECT key FROM replies")]
    return [reply for reply in found if reply is not None]


def test_an_unknown_price_of_one_member_is_unknown_for_the_pool() -> None:
    known = OpenAIBackend("m", "http://127.0.0.1:1/v1", None, input_price=1.0, output_price=1.0)
    unknown = OpenAIBackend("m", "http://127.0.0.1:1/v1", None)
    pool = PoolBackend([PoolMember(known), PoolMember(unknown)])
    assert pool.price is None
    assert pool.price_of(Completion("", "stop", 1, 1, "m", answered_by="m (1)")) == Price.flat(1.0, 1.0)
    assert pool.price_of(Completion("", "stop", 1, 1, "m", answered_by="m (2)")) is None


def test_a_budget_stops_calls_that_wait_for_a_member(loopback: Any, sums: Any, tmp_path: Path) -> None:
    with loopback(latency_seconds=0.05) as one:
        narrow = Limits(in_flight=1, first_wait_seconds=0.02)
        pool = PoolBackend([PoolMember(openai(one), limits=narrow)])
        with pytest.raises(BudgetExceeded):
            run(sums(40), pool, tmp_path, budget=Budget(calls=5))
        assert len(one.bodies) == 5


def test_calls_that_wait_for_a_member_are_not_sent_once_the_run_stops(loopback: Any, sums: Any, tmp_path: Path) -> None:
    """The one member refuses for half a minute; a call outside of the pool stops the run meanwhile."""
    with loopback(fault=lambda event: "429", retry_after_seconds=30) as limited:
        pool = PoolBackend([member(openai(limited))])

        async def work() -> None:
            with Ledger(tmp_path / "l.sqlite") as ledger:
                caller = Caller(pool, ledger, QUICK)
                asks = [asyncio.ensure_future(caller.ask(Request((Message("user", str(k)),)))) for k in range(5)]
                while not limited.bodies or pool.seats is None or not pool.seats.queue:
                    await asyncio.sleep(0.01)
                caller.stop(Stopped("enough"))
                found = await asyncio.gather(*asks, return_exceptions=True)
                assert [str(error) for error in found] == ["enough"] * 5
                assert caller.account.spent.calls == 0
                assert ledger.totals().failed_attempts == 0
            await pool.aclose()

        asyncio.run(work())


def test_samples_are_drawn_by_one_call_to_one_member(tmp_path: Path) -> None:
    from teachers import TransformersBackend
    from tests.teachers.tiny_model import write_tiny_model

    folder = write_tiny_model(tmp_path)
    members = [
        TransformersBackend(folder, batch_size=4, threads=1),
        TransformersBackend(folder, batch_size=2, threads=1),
    ]
    pool = PoolBackend([PoolMember(teacher) for teacher in members])
    assert (pool.samples_per_call, pool.gives) == (2, members[0].gives)

    async def work() -> list[Completion]:
        try:
            requests = [Request((Message("user", "go"),), Sampling(1.0, max_output_tokens=6), k) for k in range(2)]
            return [pool.read(raw) for raw in await pool.send_samples(requests)]
        finally:
            await pool.aclose()

    first, second = asyncio.run(work())
    assert first.answered_by == second.answered_by
    assert [teacher.stats.batches for teacher in members] == [1, 0]
    assert second.input_tokens == 0


def test_a_member_that_dies_in_the_middle_of_a_run_loses_nothing(loopback: Any, sums: Any, tmp_path: Path) -> None:
    with loopback() as survivor:
        with loopback(latency_seconds=0.01) as victim:
            victim.fault = lambda event: "reset" if len(victim.arrivals) > 15 else None
            pool = PoolBackend([member(openai(victim)), member(openai(survivor, "SECOND_KEY"))])
            summary = run(sums(100), pool, tmp_path)
        assert (summary.annotations, summary.calls) == (100, 100)
        texts = {annotation.prompt_id: annotation.answer for annotation in read_annotations(tmp_path / "o")}
        assert texts == {prompt.id: prompt.reference for prompt in sums(100)}
        assert max(survivor.received.values()) == 1
        assert run(sums(100), pool, tmp_path, "again").calls == 0


def test_a_recording_of_a_pool_is_replayed_with_its_authors(loopback: Any, sums: Any, tmp_path: Path) -> None:
    with loopback() as one, loopback() as two:
        run(sums(10), PoolBackend([member(openai(one)), member(openai(two))]), tmp_path)
    replay = ReplayBackend(str(tmp_path / "l.sqlite"))
    distill(sums(10), replay, [RATIONALE], None, tmp_path / "new.sqlite", tmp_path / "again")
    assert authors(tmp_path, "again") == authors(tmp_path)


def test_what_a_member_wrote_is_read_after_it_left() -> None:
    raw = {"member": "gone", "reply": {"text": "hi", "finish_reason": "stop", "words_read": 1, "words_written": 1}}
    found = PoolBackend([PoolMember(OpenAIBackend("m", api_key_variable=None))]).read(raw)
    assert (found.text, found.answered_by) == ("hi", "gone")


def test_settings_that_cannot_work_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = ScriptedBackend("teachers.programs.addition:answer")
    with pytest.raises(ConfigError, match=r"The pool 'p' has no members, so nobody can answer. Give it one or more"):
        PoolBackend([], "p").prepare()
    with pytest.raises(ConfigError, match="has no members"):
        distill([], PoolBackend([]), [RationaleAnnotator()], None, "l", "o")
    with pytest.raises(ConfigError, match=r"has weight 0.0; it must be above 0\. Correct it"):
        PoolBackend([PoolMember(teacher, 0.0)]).prepare()
    with pytest.raises(ConfigError, match=r"must differ, got a, a\. Rename one, or leave the names out"):
        PoolBackend([PoolMember(teacher, name="a"), PoolMember(teacher, name="a")]).prepare()
    with pytest.raises(ConfigError, match="has the pool 'inner' as a member; members must be single teachers"):
        PoolBackend([PoolMember(PoolBackend([PoolMember(teacher)], "inner"))]).prepare()
    with pytest.raises(ConfigError, match="Limits in_flight must be 1 or more, got 0"):
        PoolBackend([PoolMember(teacher, limits=Limits(in_flight=0))]).prepare()
    monkeypatch.delenv("FIRST_KEY")
    with pytest.raises(MissingSecret, match="FIRST_KEY"):
        PoolBackend([PoolMember(OpenAIBackend("m", api_key_variable="FIRST_KEY"))]).prepare()


def test_every_members_secret_is_removed(loopback: Any) -> None:
    with loopback() as one:
        pool = PoolBackend([member(openai(one)), member(openai(one, "SECOND_KEY"))])
        pool.prepare()
        assert not any(key in pool.redact(f"keys {KEYS[0]} and {KEYS[1]}") for key in KEYS)
