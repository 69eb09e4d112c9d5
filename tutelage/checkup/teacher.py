"""Checks of the teacher: key, price, what the run would take, and on request one tiny call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lessons.grading import Grader
from lessons.records import Message, Prompt
from teachers import Annotator, Batches, Budget, Caller, Ledger, Limits, Reply, Request, Sampling, TeacherBackend
from teachers.estimate import estimate
from tutelage.checkup.finding import Finding
from tutelage.report.page import dollars

__all__ = ["Asked", "check_call", "check_credentials", "check_estimate", "check_price"]


class Asked(NamedTuple):
    """What a teacher is asked about some prompts."""

    prompts: Iterable[Prompt]
    """The prompts."""
    annotators: Sequence[Annotator]
    """What is asked about each."""
    batches: Batches | None = None
    """Whether it is bought in batches."""


def check_credentials(teacher: TeacherBackend) -> Iterator[Finding]:
    """Check that key, packages and files are there; the key itself is never shown."""
    teacher.prepare()
    variable = getattr(teacher, "api_key_variable", None)
    found = f"the key in {variable} is set" if variable else "it needs no key"
    yield Finding("ok", "teacher", f"{type(teacher).__name__} ({teacher.model}): {found}")


def check_price(teacher: TeacherBackend, budget: Budget | None) -> Iterator[Finding]:
    """Check that the price is known, as a dollar budget needs."""
    (budget or Budget()).check(teacher.price, teacher.model)
    if teacher.price is None:
        yield Finding("warn", "price", f"the price of {teacher.model!r} is not known: costs will not be counted")
    else:
        cap = f"; the budget is {dollars(budget.dollars)}" if budget and budget.dollars is not None else "; no budget"
        yield Finding("ok", "price", "known" + cap)


def check_estimate(
    asked: Sequence[Asked],
    teacher: TeacherBackend,
    grader: Grader | None,
    ledger: Path,
    limits: Limits | None,
    budget: Budget | None,
) -> Iterator[Finding]:
    """Say what asking about prompts would take, the lessons and the teacher's exam together."""
    parts = [
        estimate(part.prompts, teacher, part.annotators, grader, ledger, limits, budget, part.batches) for part in asked
    ]
    calls, most = sum(part.calls for part in parts), sum(part.calls_at_most for part in parts)
    likely, worst = total(part.dollars for part in parts), total(part.dollars_at_most for part in parts)
    money = "price not known"
    if likely is not None and worst is not None:
        money = f"about {dollars(likely)}, at most {dollars(worst)}"
    text = f"{calls:,} to {most:,} new calls about {sum(part.prompts for part in parts):,} prompts; {money}"
    short = budget is not None and budget.calls is not None and calls > budget.calls
    if budget is not None and budget.dollars is not None and likely is not None:
        short = short or likely > budget.dollars
    if short:
        yield Finding("warn", "cost", f"{text}. The budget will stop the run before its end")
    else:
        yield Finding("ok", "cost", text)


def total(amounts: Iterable[float | None]) -> float | None:
    """Add amounts; None when one is not known.

    >>> total([1.0, 2.0]), total([1.0, None])
    (3.0, None)
    """
    known = list(amounts)
    return None if None in known else sum(amount for amount in known if amount is not None)


def check_call(teacher: TeacherBackend, ledger: Path) -> Iterator[Finding]:
    """Send one tiny request, which is kept in the ledger like any other."""
    started = time.monotonic()

    async def ask() -> Reply:
        with Ledger(ledger) as opened:
            caller = Caller(teacher, opened, Limits(in_flight=1, attempts=1, patience_seconds=30.0))
            # another sample number every time, or the ledger would answer
            request = Request((Message("user", "Reply with the word ok."),), Sampling(None, 1.0, 64), int(time.time()))
            try:
                return await caller.ask(request)
            finally:
                await teacher.aclose()

    reply = asyncio.run(ask())
    seconds = time.monotonic() - started
    money = "price not known" if reply.cost_dollars is None else dollars(reply.cost_dollars)
    answer = " ".join(reply.completion.text.split())[:60]
    yield Finding("ok", "endpoint", f"{reply.completion.model} answered {answer!r} in {seconds:.1f} s ({money})")
