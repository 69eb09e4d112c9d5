"""10,000 calls of which every fifth meets a fault: each prompt is answered once, and the books agree with the bill."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from provider import Provider, RateLimits, Schedule, serving

from lessons.tables import read_annotations
from teachers import Ledger, Limits, RationaleAnnotator, distill

CALLS = 5_000  # in each of the two wire formats
BROKEN_ON_THE_WAY = {"reset", "reset after work", "reset in body", "cut json", "no answer"}
"""What a client cannot tell from a reply that was charged and lost."""
DELIVERED = {"slow", "twice", "length", "refusal"}
FAULTS = {
    "429": 0.03,
    "429 silent": 0.02,
    "500": 0.02,
    "503": 0.02,
    "529": 0.02,
    "reset": 0.02,
    "reset after work": 0.01,
    "reset in body": 0.01,
    "cut json": 0.01,
    "no answer": 0.01,
    "slow": 0.01,
    "twice": 0.01,
    "length": 0.005,
    "refusal": 0.005,
}
CLOCK_JUMPS = ((1.0, 3_600.0), (3.0, -7_200.0), (6.0, 86_400.0))
QUICK = Limits(in_flight=100, attempts=6, first_wait_seconds=0.002, longest_wait_seconds=0.05)


def met(provider: Provider, faults: set[str]) -> int:
    return sum(count for name, count in provider.faults.items() if name.removeprefix("call: ") in faults)


@pytest.mark.slow
def test_ten_thousand_calls_with_every_fifth_at_fault(
    tmp_path: Path, hosted: Any, sums: Any, grader: Any, bare_template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumping_wall_clock(monkeypatch)
    prompts = sums(CALLS)
    faults = Schedule(7, {"call": FAULTS})
    provider = Provider(fault=faults, limits=RateLimits(in_flight=QUICK.in_flight), retry_after_seconds=0.005)
    provider.clock.jumps = CLOCK_JUMPS
    out, path = tmp_path / "lessons.parquet", tmp_path / "ledger.sqlite"
    with serving(provider):
        summary = distill(
            prompts, hosted(provider), [RationaleAnnotator(template=bare_template)], grader, path, out, QUICK
        )

    annotations = list(read_annotations(out))
    assert [annotation.prompt_id for annotation in annotations] == [prompt.id for prompt in prompts]
    cut_or_refused = met(provider, {"length", "refusal"})
    assert (summary.calls, summary.failures, summary.wrong) == (CALLS, 0, 0)  # wrong: the answer to another question
    assert summary.trusted == CALLS - cut_or_refused
    assert set(provider.bill.times_delivered().values()) == {1}
    assert sum(provider.faults.values()) > 0.19 * CALLS
    assert summary.failed_attempts == sum(provider.faults.values()) - met(provider, DELIVERED)
    check_books(path, provider)


def check_books(path: Path, provider: Provider) -> None:
    """The ledger agrees with the bill; what was charged and lost is listed as an attempt under the same key."""
    with Ledger(path) as ledger:
        key_of = {request["messages"][-1][1]: stored.key for stored, _, request in ledger.requests()}
        exact = sum(
            (Fraction((stored.input_tokens or 0) + 2 * (stored.output_tokens or 0), 1_000_000))
            for stored, _, _ in ledger.requests()
        )
        totals = ledger.totals()
        maybe_billed = Counter(attempt.key for attempt in ledger.attempts() if attempt.maybe_billed)
    assert exact == provider.bill.delivered_dollars
    assert totals.cost_dollars == pytest.approx(float(exact), abs=1e-9)
    lost = Counter(key_of[charge.question] for charge in provider.bill.lost)
    assert lost.total() == len(provider.bill.lost) > 0
    assert lost <= maybe_billed
    assert maybe_billed.total() == met(provider, BROKEN_ON_THE_WAY)


def jumping_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client's own wall clock jump by hours, back and forth, at every look."""
    import time

    looks = Counter[str]()
    real = time.time

    def jumping() -> float:
        looks["time"] += 1
        return real() + (7_200.0 if looks["time"] % 2 else -7_200.0)

    monkeypatch.setattr(time, "time", jumping)
