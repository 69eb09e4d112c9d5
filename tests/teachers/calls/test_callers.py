from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import BudgetExceeded, CallFailed, ConfigError, UnknownPrice
from lessons.records import Message
from lessons.tables import read_annotations
from teachers import Budget, DifficultyAnnotator, Ledger, Limits, RationaleAnnotator, ScriptedBackend, distill
from teachers.annotators import By
from teachers.backend import JSON, Completion, Request, Sampling, TeacherBackend
from teachers.calls.callers import Callers
from teachers.calls.pricing import Price

ADDITION = "teachers.programs.addition:answer"


class Samples(TeacherBackend):
    """Draws up to three samples by one call; the first carries the tokens read."""

    samples_per_call = 3
    price = Price.flat(1e6, 2e6)  # a dollar a token read, two a token written

    def __init__(self, name: str = "samples", fails: bool = False) -> None:
        self.name = name
        self.fails = fails
        self.bundles: list[list[int]] = []
        self.closed = 0

    @property
    def identity(self) -> JSON:
        return {"provider": "test", "endpoint": "", "model": self.name}

    async def send(self, request: Request) -> JSON:
        self.bundles.append([request.sample])
        await asyncio.sleep(0.01)
        return {"sample": request.sample, "read": 7}

    async def send_samples(self, requests: Sequence[Request]) -> list[JSON]:
        self.bundles.append([request.sample for request in requests])
        await asyncio.sleep(0.01)
        if self.fails:
            raise ValueError("no samples today")
        return [{"sample": request.sample, "read": 7 if k == 0 else 0} for k, request in enumerate(requests)]

    def read(self, raw: JSON) -> Completion:
        return Completion(f"text {raw['sample']}", "stop", raw["read"], 2, self.name)

    async def aclose(self) -> None:
        self.closed += 1


def request(sample: int, text: str = "question") -> Request:
    return Request((Message("user", text),), Sampling(max_output_tokens=5), sample)


def test_samples_share_calls_and_keep_rows_of_their_own(tmp_path: Path) -> None:
    backend = Samples()

    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            caller = Callers(ledger).of(backend)
            await caller.ask(request(1))
            replies = await caller.ask_samples([request(k) for k in range(6)])
            assert [reply.completion.text for reply in replies] == [f"text {k}" for k in range(6)]
            assert backend.bundles == [[1], [0, 2, 3], [4, 5]]
            assert [reply.from_ledger for reply in replies] == [False, True, False, False, False, False]
            assert caller.account.spent.calls == 3
            assert caller.account.reserved.calls == 0
            assert ledger.totals().replies == 6
            assert ledger.totals().cost_dollars == caller.account.spent.dollars == 3 * 7 + 6 * 2 * 2
            again = await caller.ask_samples([request(k) for k in (5, 0, 5)])
            assert [reply.completion.text for reply in again] == ["text 5", "text 0", "text 5"]
            assert len(backend.bundles) == 3

    asyncio.run(work())


def test_samples_under_way_are_waited_for_and_not_drawn_twice(tmp_path: Path) -> None:
    backend = Samples()

    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            caller = Callers(ledger).of(backend)
            one, many, other = await asyncio.gather(
                caller.ask(request(0)),
                caller.ask_samples([request(0), request(1), request(2)]),
                caller.ask_samples([request(2), request(3)]),
            )
            assert one.completion.text == many[0].completion.text == "text 0"
            assert [reply.completion.text for reply in other] == ["text 2", "text 3"]
            assert sorted(k for bundle in backend.bundles for k in bundle) == [0, 1, 2, 3]

    asyncio.run(work())


def test_the_budget_reserves_a_bundle_at_its_worst(tmp_path: Path) -> None:
    backend = Samples()

    async def work(budget: Budget) -> None:
        with Ledger(tmp_path / "l") as ledger:
            caller = Callers(ledger, budget=budget).of(backend)
            await caller.ask_samples([request(k) for k in range(3)])

    worst = (len("question") + 32 + 64) + 3 * 5
    with pytest.raises(BudgetExceeded):
        asyncio.run(work(Budget(tokens=worst - 1)))
    assert backend.bundles == []
    asyncio.run(work(Budget(tokens=worst, calls=1)))
    assert backend.bundles == [[0, 1, 2]]


def test_a_failed_bundle_fails_each_of_its_samples(tmp_path: Path) -> None:
    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            callers = Callers(ledger, Limits(attempts=1))
            caller = callers.of(Samples(fails=True))
            with pytest.raises(CallFailed, match="no samples today"):
                await caller.ask_samples([request(k) for k in range(2)])
            assert caller.account.reserved.calls == caller.gate.under_way == 0

    asyncio.run(work())


def test_teachers_share_the_account_and_the_stop(tmp_path: Path) -> None:
    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            callers = Callers(ledger, budget=Budget(calls=3))
            one, other, same = Samples("one"), Samples("other"), Samples("one")
            assert callers.of(one) is callers.of(same)
            for backend in (one, other, one):
                await callers.of(backend).ask(request(0, f"{len(one.bundles)}"))
            with pytest.raises(BudgetExceeded):
                await callers.of(other).ask(request(9))
            with pytest.raises(BudgetExceeded):
                await callers.of(one).ask(request(9))
            assert callers.counts.calls == 3
            assert callers.of(one).counts.calls == 2

    asyncio.run(work())


def test_another_teacher_rates_under_its_own_name(tmp_path: Path, sums: Any) -> None:
    second = ScriptedBackend(ADDITION, version=2)
    annotators = [RationaleAnnotator(max_asks=1), DifficultyAnnotator(), By("second", second, DifficultyAnnotator())]
    summary = distill(sums(30), ScriptedBackend(ADDITION), annotators, None, tmp_path / "l", tmp_path / "o")
    assert summary.kinds == {"rationale": 30, "difficulty": 30, "difficulty.second": 30}
    assert summary.calls == 90
    found = list(read_annotations(tmp_path / "o"))
    keys = {a.kind: a.provenance.request_key for a in found if a.prompt_id == "p100"}
    assert keys["difficulty"] != keys["difficulty.second"]
    assert [a.value for a in found if a.kind == "difficulty"] == [a.value for a in found if "second" in a.kind]


def test_every_teacher_is_prepared_priced_and_closed(tmp_path: Path, sums: Any) -> None:
    first, second = Samples("first"), Samples("second")
    annotators = [By(None, second, DifficultyAnnotator(repairs=0)), By("x", first, DifficultyAnnotator(repairs=0))]
    arguments = (sums(3), first, annotators, None, tmp_path / "l", tmp_path / "o")
    distill(*arguments)
    assert (first.closed, second.closed) == (1, 1)
    second.price = None  # type: ignore[assignment]
    with pytest.raises(UnknownPrice, match="'second' is not known"):
        distill(*arguments, budget=Budget(dollars=5))


def test_a_role_must_be_a_name_and_its_teacher_able(tmp_path: Path) -> None:
    class Needy(DifficultyAnnotator):
        needs = frozenset({"score"})

    with pytest.raises(ConfigError, match=r"role of By is 'a b'.*plain name"):
        By("a b", Samples(), DifficultyAnnotator()).check(None)
    with pytest.raises(ConfigError, match="Needy needs score, which Samples cannot give"):
        By("second", Samples(), Needy()).check(None)
