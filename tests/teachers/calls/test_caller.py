from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import CallFailed, ConfigError, Stopped, StorageError
from lessons.records import Message
from teachers.backend import JSON, Completion, Fatal, RateLimited, Request, Sampling, TeacherBackend, Transient, Verdict
from teachers.calls.caller import Caller
from teachers.calls.limits import Limits
from teachers.ledger.ledger import Ledger

QUICK = Limits(in_flight=8, attempts=3, first_wait_seconds=0.01, longest_wait_seconds=0.05)


class Failing(Exception):
    def __init__(self, verdict: Verdict, text: str = "no luck") -> None:
        super().__init__(text)
        self.verdict = verdict


class Scripted(TeacherBackend):
    """Does what a function of (question, how often it was asked before) says."""

    def __init__(self, behave: Callable[[str, int], Verdict | str | None]) -> None:
        self.behave = behave
        self.asked: dict[str, int] = {}
        self.times: list[float] = []
        self.in_flight = self.most_in_flight = 0

    @property
    def identity(self) -> JSON:
        return {"provider": "test", "endpoint": "", "model": "scripted"}

    async def send(self, request: Request) -> JSON:
        question = request.messages[-1].content
        before = self.asked.get(question, 0)
        self.asked[question] = before + 1
        self.times.append(time.monotonic())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0.001)
        self.in_flight -= 1
        outcome = self.behave(question, before)
        if isinstance(outcome, str):
            return {"finish_reason": outcome}
        if outcome is not None:
            raise Failing(outcome, "no luck, the key is secret-123")
        return {"finish_reason": "stop"}

    def read(self, raw: JSON) -> Completion:
        return Completion("x", raw["finish_reason"], 1, 1, "scripted")

    def classify(self, error: Exception) -> Verdict:
        return error.verdict if isinstance(error, Failing) else Fatal()

    def redact(self, text: str) -> str:
        return text.replace("secret-123", "***")


def ask(text: str, sample: int = 0) -> Request:
    return Request((Message("user", text),), Sampling(), sample)


def run(
    path: Path, backend: TeacherBackend, requests: list[Request], limits: Limits = QUICK
) -> tuple[list[Any], Caller]:
    async def work() -> tuple[list[Any], Caller]:
        with Ledger(path / "ledger.sqlite") as ledger:
            caller = Caller(backend, ledger, limits)
            return await asyncio.gather(*map(caller.ask, requests), return_exceptions=True), caller

    return asyncio.run(work())


def test_what_can_heal_is_tried_again(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: Transient() if before < 2 else None)
    replies, caller = run(tmp_path, backend, [ask("a")])
    assert replies[0].completion.text == "x"
    assert backend.asked == {"a": 3}
    assert (caller.counts.calls, caller.counts.failed_attempts) == (1, 2)


def test_tries_are_bounded_and_the_reason_is_told_without_secrets(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: Transient())
    (failure,), _ = run(tmp_path, backend, [ask("a")])
    assert isinstance(failure, CallFailed)
    assert "did not answer (after 3 tries): Failing: no luck, the key is ***" in str(failure)
    assert failure.__cause__ is None
    assert backend.asked == {"a": 3}
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert [attempt.reason for attempt in ledger.attempts()] == ["Failing: no luck, the key is ***"] * 3


def test_what_cannot_heal_is_tried_once_and_the_others_go_on(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: Fatal() if question == "b" else None)
    replies, _ = run(tmp_path, backend, [ask("a"), ask("b"), ask("c")])
    assert isinstance(replies[1], CallFailed)
    assert "trying again would not help" in str(replies[1])
    assert backend.asked == {"a": 1, "b": 1, "c": 1}


def test_an_error_that_every_call_would_meet_stops_the_run(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: Fatal(everywhere=True))
    replies, _ = run(tmp_path, backend, [ask(str(k)) for k in range(100)], Limits(in_flight=2))
    assert all(isinstance(reply, CallFailed) for reply in replies)
    assert len(backend.asked) <= 4


def test_many_failures_in_a_row_stop_the_run(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: Fatal())
    replies, _ = run(tmp_path, backend, [ask(str(k)) for k in range(100)], Limits(in_flight=1, failures_in_a_row=5))
    assert len(backend.asked) == 5
    assert "5 calls in a row failed for good" in str(replies[-1])


def test_a_request_to_slow_down_pauses_everyone(tmp_path: Path) -> None:
    pause = 0.3
    backend = Scripted(lambda question, before: RateLimited(pause) if question == "0" and not before else None)
    started = time.monotonic()
    replies, _ = run(tmp_path, backend, [ask(str(k)) for k in range(60)], Limits(in_flight=4))
    assert all(not isinstance(reply, Exception) for reply in replies)
    early = [moment for moment in backend.times if moment - started < pause]
    assert len(early) <= 8  # those in flight when it was said
    assert backend.asked["0"] == 2


def test_slowing_down_does_not_use_up_the_tries(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: RateLimited(0.001) if before < 8 else None)
    (reply,), _ = run(tmp_path, backend, [ask("a")], Limits(attempts=2, first_wait_seconds=0.01))
    assert reply.completion.text == "x"


def test_patience_ends(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: RateLimited(0.01))
    (failure,), _ = run(tmp_path, backend, [ask("a")], Limits(first_wait_seconds=0.01, patience_seconds=0.05))
    assert isinstance(failure, CallFailed)


@pytest.mark.parametrize("reason", ["length", "refusal"])
def test_a_truncated_or_refused_completion_is_kept_and_never_sent_again(tmp_path: Path, reason: str) -> None:
    backend = Scripted(lambda question, before: reason)
    for _ in range(3):
        (reply,), _ = run(tmp_path, backend, [ask("a")])
        assert reply.completion.finish_reason == reason
    assert backend.asked == {"a": 1}


def test_the_same_request_twice_at_once_is_one_call(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: None)
    replies, caller = run(tmp_path, backend, [ask("a")] * 5 + [ask("a", sample=1)])
    assert backend.asked == {"a": 2}
    assert len({reply.key for reply in replies}) == 2
    assert caller.counts.calls == 2


def test_no_more_calls_are_in_flight_than_allowed(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: Transient() if before < 1 else None)
    run(tmp_path, backend, [ask(str(k)) for k in range(200)])
    assert backend.most_in_flight == QUICK.in_flight


def test_permits_do_not_leak_through_failures(tmp_path: Path) -> None:
    async def work() -> int:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            caller = Caller(Scripted(lambda question, before: Fatal() if int(question) % 3 else None), ledger, QUICK)
            await asyncio.gather(*(caller.ask(ask(str(k))) for k in range(100)), return_exceptions=True)
            assert caller.account.reserved.calls == 0
            return caller.gate.under_way

    assert asyncio.run(work()) == 0


def test_stopping_wakes_those_who_wait(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: Transient())

    async def work() -> BaseException | None:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            caller = Caller(backend, ledger, Limits(first_wait_seconds=3600, longest_wait_seconds=3600))
            task = asyncio.create_task(caller.ask(ask("a")))
            while not backend.asked:
                await asyncio.sleep(0.001)
            caller.stop(Stopped("enough"))
            await asyncio.wait([task])
            return task.exception()

    error = asyncio.run(work())
    assert isinstance(error, Stopped)
    assert str(error) == "enough"


def test_a_ledger_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    backend = Scripted(lambda question, before: None)

    async def work() -> list[Any]:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            ledger.running_writer.connection.execute("PRAGMA query_only = 1")
            caller = Caller(backend, ledger, Limits(in_flight=1))
            return await asyncio.gather(*(caller.ask(ask(str(k))) for k in range(300)), return_exceptions=True)

    results = asyncio.run(work())
    assert all(isinstance(result, StorageError) for result in results)
    assert len(backend.asked) < 300


def test_a_call_broken_off_in_flight_is_listed_as_maybe_billed(tmp_path: Path) -> None:
    class Endless(Scripted):
        async def send(self, request: Request) -> JSON:
            self.in_flight += 1
            await asyncio.sleep(3_600)
            return {}

    backend = Endless(lambda question, before: None)

    async def work() -> None:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            caller = Caller(backend, ledger, QUICK)
            task = asyncio.create_task(caller.ask(ask("a")))
            while not backend.in_flight:
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.wait([task])
            assert caller.account.spent.calls == 1  # at its worst: nobody knows
            assert caller.gate.under_way == 0

    asyncio.run(work())
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        (attempt,) = ledger.attempts()
    assert (attempt.reason, attempt.maybe_billed) == ("broken off while the call was under way", True)


def test_requests_a_minute_hold_through_retries(tmp_path: Path) -> None:
    """600 a minute is one every 0.1 s, first tries and further ones together."""
    backend = Scripted(lambda question, before: Transient() if before < 1 else None)
    limits = Limits(in_flight=8, first_wait_seconds=0.01, requests_per_minute=600)
    replies, _ = run(tmp_path, backend, [ask(str(k)) for k in range(6)], limits)
    assert all(not isinstance(reply, Exception) for reply in replies)
    assert len(backend.times) == 12
    assert backend.times[-1] - backend.times[0] >= 11 * 0.1 - 0.1  # never faster, however slow the machine


def test_limits_are_checked() -> None:
    with pytest.raises(ConfigError, match="Limits in_flight must be 1 or more, got 0"):
        Limits(in_flight=0).check()
