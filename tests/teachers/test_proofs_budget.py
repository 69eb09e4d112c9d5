"""The dollar cap holds exactly, for any cap and any number of calls in flight, whatever the answers' lengths."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from provider import Schedule, serving
from provider.answers import number_from
from provider.faults import LOST_AFTER_BILLING

from lessons.errors import BudgetExceeded
from lessons.records import Message, Prompt
from teachers import Budget, Completion, Limits, RationaleAnnotator, TeacherBackend, distill
from teachers.backend import JSON, Request, Transient, Verdict
from teachers.calls.pricing import Price

MOST_WRITTEN = 40
MILLION = 1_000_000
DOLLARS_PER_CALL = 0.0007
"""What a call takes on the average, about."""


class LostReplyError(Exception):
    """The reply was charged and never arrived."""


@dataclass
class Till(TeacherBackend):
    """A teacher in this process that charges exactly. Lengths, delays and losses are functions of seed and question."""

    seed: int
    losses: float
    charged: list[Fraction] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    tried: dict[str, int] = field(default_factory=dict)

    @property
    def identity(self) -> JSON:
        return {"provider": "till", "endpoint": "", "model": "till"}

    @property
    def price(self) -> Price | None:
        return Price.flat(3.0, 15.0)

    async def send(self, request: Request) -> JSON:
        text = "\n".join(message.content for message in request.messages)
        before = self.tried[text] = self.tried.get(text, -1) + 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        for _ in range(int(5 * number_from(self.seed, "delay", text, before))):
            await asyncio.sleep(0)
        self.in_flight -= 1
        read = len(text.split())
        written = int((MOST_WRITTEN + 1) * number_from(self.seed, "length", text))
        self.charged.append(Fraction(3 * read + 15 * written, MILLION))
        if number_from(self.seed, "loss", text, before) < self.losses:
            raise LostReplyError("lost")
        return {"read": read, "written": written}

    def read(self, raw: JSON) -> Completion:
        return Completion("Answer: 1", "stop", raw["read"], raw["written"], "till")

    def classify(self, error: Exception) -> Verdict:
        return Transient(maybe_billed=True)


def questions(count: int) -> list[Prompt]:
    return [Prompt(str(k), (Message("user", f"{k} apples " * (1 + k % 7)),)) for k in range(count)]


@settings(max_examples=40, deadline=None)
@example(share=0.9, in_flight=500, seed=0, losses=0.0)
@example(share=0.5, in_flight=500, seed=1, losses=0.4)
@given(
    share=st.floats(0, 1.2),
    in_flight=st.one_of(st.integers(1, 20), st.integers(20, 500)),
    seed=st.integers(0, 10**6),
    losses=st.sampled_from([0.0, 0.0, 0.1, 0.4]),
)
def test_the_bill_never_exceeds_the_cap(share: float, in_flight: int, seed: int, losses: float) -> None:
    prompts = questions(40 + in_flight)
    cap = share * len(prompts) * DOLLARS_PER_CALL
    till = Till(seed, losses)
    annotator = RationaleAnnotator(max_output_tokens=MOST_WRITTEN)
    limits = Limits(in_flight=in_flight, attempts=8, first_wait_seconds=0.001, longest_wait_seconds=0.002)
    with tempfile.TemporaryDirectory() as name:
        arguments: Any = (prompts, till, [annotator], None, Path(name) / "ledger", Path(name) / "out")
        try:
            distill(*arguments, limits, Budget(dollars=cap), progress=False, allow_partial=True)
            stopped = False
        except BudgetExceeded:
            stopped = True
    bill = sum(till.charged, Fraction(0))
    assert bill <= Fraction(cap) + Fraction(1, 10**11)  # floats of dollars, exact to a trillionth a call
    assert till.most_in_flight <= in_flight
    if stopped and not losses:
        assert bill + Fraction(1, 100) > cap  # not too early: the next call might have gone beyond it


@pytest.mark.parametrize("losing", [False, True])
def test_the_cap_holds_against_a_providers_own_bill(tmp_path: Path, hosted: Any, sums: Any, losing: bool) -> None:
    """Through the wire, with 300 in flight; lost replies are charged by the provider and counted at their worst."""
    shares = {"call": dict.fromkeys(sorted(LOST_AFTER_BILLING), 0.1)} if losing else {}
    cap = 0.06
    with serving(latency_seconds=0.01, fault=Schedule(3, shares), answer=lengthy) as provider:
        backend = hosted(provider)
        arguments = (
            sums(2_000),
            backend,
            [RationaleAnnotator(max_output_tokens=60)],
            None,
            tmp_path / "l",
            tmp_path / "o",
        )
        with pytest.raises(BudgetExceeded, match=r"the cap is 0\.06"):
            distill(*arguments, Limits(in_flight=300, first_wait_seconds=0.01), Budget(dollars=cap), progress=False)
    assert cap / 3 < provider.bill.dollars <= Fraction(str(cap))
    assert bool(provider.bill.lost) == losing


def lengthy(question: str, draw: int) -> str:
    """Write between 1 and 90 words, beyond what is allowed too."""
    return "word " * int(1 + 90 * number_from(question)) + "\nAnswer: 1"
