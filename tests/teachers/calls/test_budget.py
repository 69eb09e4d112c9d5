from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons.errors import BudgetExceeded, CallFailed, ConfigError, UnknownPrice
from lessons.records import Message
from teachers.backend import JSON, Completion, Request, Sampling, TeacherBackend, Transient, Verdict
from teachers.calls.budget import Budget, worst_case
from teachers.calls.caller import Caller
from teachers.calls.limits import Limits
from teachers.calls.pricing import Price
from teachers.ledger.ledger import Ledger


class Priced(TeacherBackend):
    """Writes a random number of tokens, takes a random time, loses some replies, and keeps the bill."""

    price = Price.flat(3.0, 15.0)

    def __init__(self, seed: int, lost_share: float) -> None:
        self.random = random.Random(seed)
        self.lost_share = lost_share
        self.billed_dollars = 0.0
        self.billed_tokens = self.billed_calls = 0

    @property
    def identity(self) -> JSON:
        return {"provider": "test", "endpoint": "", "model": "priced"}

    async def send(self, request: Request) -> JSON:
        written = self.random.randint(0, request.sampling.max_output_tokens)
        read = self.random.randint(1, len(request.messages[0].content))
        self.billed_calls += 1
        self.billed_tokens += read + written
        self.billed_dollars += self.price.cost(read, written)
        for _ in range(self.random.randint(0, 5)):
            await asyncio.sleep(0)
        if self.random.random() < self.lost_share:
            raise ConnectionError("lost after billing")
        return {"text": "x", "read": read, "written": written}

    def read(self, raw: JSON) -> Completion:
        return Completion(raw["text"], "stop", raw["read"], raw["written"], "priced")

    def classify(self, error: Exception) -> Verdict:
        return Transient(maybe_billed=True)


@settings(max_examples=25)
@given(
    calls=st.none() | st.integers(0, 40),
    tokens=st.none() | st.integers(0, 8_000),
    dollars=st.none() | st.floats(0, 0.05),
    in_flight=st.sampled_from([1, 2, 7, 100]),
    lost_share=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 2**32),
)
def test_the_bill_never_exceeds_the_budget(
    tmp_path_factory: pytest.TempPathFactory,
    calls: int | None,
    tokens: int | None,
    dollars: float | None,
    in_flight: int,
    lost_share: float,
    seed: int,
) -> None:
    backend = Priced(seed, lost_share)
    path = tmp_path_factory.mktemp("budget") / "ledger.sqlite"
    limits = Limits(in_flight=in_flight, first_wait_seconds=0.001, attempts=3, failures_in_a_row=10**6)

    async def run() -> list[object]:
        with Ledger(path) as ledger:
            caller = Caller(backend, ledger, limits, Budget(dollars, calls, tokens))
            asks = [Request((Message("user", f"{k:040}"),), Sampling(max_output_tokens=50)) for k in range(60)]
            return await asyncio.gather(*(caller.ask(request) for request in asks), return_exceptions=True)

    results = asyncio.run(run())
    assert backend.billed_calls <= (10**9 if calls is None else calls)
    assert backend.billed_tokens <= (10**9 if tokens is None else tokens)
    assert backend.billed_dollars <= (10**9 if dollars is None else dollars + 1e-9)
    assert all(isinstance(r, BudgetExceeded | CallFailed) for r in results if isinstance(r, Exception))
    if calls is tokens is dollars is None and not lost_share:
        assert backend.billed_calls == 60


def test_a_budget_is_used_up_to_the_last_call_that_fits(tmp_path: Path) -> None:
    backend = Priced(1, 0.0)
    request = Request((Message("user", "x" * 40),), Sampling(max_output_tokens=50))
    worst = worst_case(request, backend.price).tokens

    async def run() -> None:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            caller = Caller(backend, ledger, Limits(in_flight=50), Budget(tokens=worst * 3))
            asks = [Request(request.messages, request.sampling, sample=k) for k in range(50)]
            await asyncio.gather(*(caller.ask(ask) for ask in asks), return_exceptions=True)

    asyncio.run(run())
    assert backend.billed_tokens > worst * 2


def test_replies_in_the_ledger_cost_nothing(tmp_path: Path) -> None:
    backend = Priced(1, 0.0)
    request = Request((Message("user", "hello"),))

    async def ask(budget: Budget) -> bool:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            return (await Caller(backend, ledger, Limits(), budget).ask(request)).from_ledger

    assert not asyncio.run(ask(Budget()))
    assert asyncio.run(ask(Budget(dollars=0.0, calls=0, tokens=0)))


def test_the_refusal_says_which_cap_and_what_to_do(tmp_path: Path) -> None:
    async def ask() -> None:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            await Caller(Priced(1, 0.0), ledger, Limits(), Budget(calls=0)).ask(Request((Message("user", "hello"),)))

    with pytest.raises(
        BudgetExceeded, match=r"calls: 0 spent.*up to 1, the cap is 0.*Raise the budget.*nothing is paid"
    ):
        asyncio.run(ask())


def test_a_dollar_cap_without_a_price_is_refused() -> None:
    with pytest.raises(UnknownPrice, match=r"budget is \$5.*'secret-model' is not known.*input_price and output_price"):
        Budget(dollars=5).check(None, "secret-model")


def test_a_negative_cap_is_refused() -> None:
    with pytest.raises(ConfigError, match="Budget calls must be 0 or more, got -1"):
        Budget(calls=-1).check(None, "m")


@given(st.text(max_size=200))
def test_no_text_has_more_tokens_than_the_worst_case(text: str) -> None:
    """A byte-level vocabulary has at most one token a byte."""
    worst = worst_case(Request((Message("user", text),), Sampling(max_output_tokens=5)), None)
    assert worst.tokens >= len(text.encode("utf-8", "surrogatepass")) + 5
