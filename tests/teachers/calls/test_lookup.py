from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lessons.records import Annotation, Message
from teachers import DifficultyAnnotator, Ledger, RationaleAnnotator, Request, ScriptedBackend
from teachers.annotators.base import Asking
from teachers.calls.callers import Callers
from teachers.calls.lookup import Lookup, Missing
from teachers.working import UNTRIED, Worker

TEACHER = ScriptedBackend("teachers.programs.addition:answer")


def test_a_reply_is_found_or_missing_and_counted_only_on_demand(tmp_path: Path, sums: Any) -> None:
    prompt = sums(1)[0]
    request = DifficultyAnnotator().foresee(prompt)[0][0]

    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            caller = Callers(ledger).of(TEACHER)
            bought = await caller.ask(request)
            lookup = Lookup(caller)
            (found,) = await lookup.find_samples([request])
            assert found.completion == bought.completion
            with pytest.raises(Missing):
                await lookup.find(Request((Message("user", "never asked"),)))
            assert caller.counts.from_ledger == 0
            lookup.count()
            assert caller.counts.from_ledger == 1

    asyncio.run(work())


def test_what_is_recalled_is_what_is_worked_out(tmp_path: Path, sums: Any, grader: Any) -> None:
    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            callers = Callers(ledger)
            annotators = [RationaleAnnotator(), DifficultyAnnotator()]
            worker = Worker(callers, TEACHER, annotators, grader, [None, None])
            assert worker.recalled(sums(1)[0]) is None
            assert worker.untried == UNTRIED  # where one is missing, the next are not looked up
            worked = [await worker.work_on(prompt) for prompt in sums(30)]
            calls = callers.counts.calls
            worker.untried = 0
            assert [worker.recalled(prompt) for prompt in sums(30)] == worked
            assert (callers.counts.calls, callers.counts.from_ledger) == (calls, calls)

    asyncio.run(work())


def test_an_annotator_that_waits_is_left_to_the_ordinary_way(tmp_path: Path, sums: Any) -> None:
    class Waiting(DifficultyAnnotator):
        async def annotate(self, asking: Asking) -> list[Annotation]:
            await asyncio.sleep(0.001)
            return await super().annotate(asking)

    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            worker = Worker(Callers(ledger), TEACHER, [Waiting()], None, [None])
            await worker.work_on(sums(1)[0])
            assert worker.recalled(sums(1)[0]) is None
            assert worker.callers.counts.from_ledger == 0

    asyncio.run(work())
