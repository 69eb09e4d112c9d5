"""A pool over two providers that enforce limits and fail: each prompt is answered once, and the books agree."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from provider import Provider, RateLimits, Schedule, serving

from lessons.tables import read_annotations
from teachers import Ledger, Limits, OpenAIBackend, PoolBackend, PoolMember, RationaleAnnotator, distill

CALLS = 600
FAULTS = {
    "429": 0.04,
    "500": 0.04,
    "529": 0.02,
    "reset": 0.02,
    "reset in body": 0.02,
    "cut json": 0.02,
    "slow": 0.04,
}
QUICK = Limits(in_flight=60, attempts=8, first_wait_seconds=0.01, longest_wait_seconds=0.05)
PER_SECOND = 5


def member(provider: Provider, key: str, limits: Limits = QUICK) -> PoolMember:
    prices = {"input_price": 1.0, "output_price": 2.0}
    return PoolMember(OpenAIBackend("gpt-test", provider.openai_url, api_key_variable=key, **prices), limits=limits)


@pytest.mark.slow
def test_two_faulty_providers_answer_every_prompt_once_and_the_books_agree(
    tmp_path: Path, sums: Any, grader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRST_KEY", "first-secret-1111")
    monkeypatch.setenv("SECOND_KEY", "second-secret-2222")
    limited = Provider(
        fault=Schedule(3, {"call": FAULTS}), limits=RateLimits(requests=60 * PER_SECOND, window_seconds=1)
    )
    other = Provider(fault=Schedule(4, {"call": FAULTS}), retry_after_seconds=0.02)
    limited.retry_after_seconds = 0.02
    path, template = tmp_path / "ledger.sqlite", tmp_path / "bare.txt"
    template.write_text("name: bare/1\n[user]\n{{ question }}\nEnd with: Answer: <answer>\n")
    with serving(limited), serving(other):
        pool = PoolBackend([member(limited, "FIRST_KEY"), member(other, "SECOND_KEY")])
        annotator = RationaleAnnotator(template=str(template))
        summary = distill(sums(CALLS), pool, [annotator], grader, path, tmp_path / "lessons.parquet", QUICK)
    authors = Counter(annotation.provenance.model for annotation in read_annotations(tmp_path / "lessons.parquet"))
    assert (summary.calls, summary.failures, summary.wrong, summary.trusted) == (CALLS, 0, 0, CALLS)
    delivered = limited.bill.times_delivered() + other.bill.times_delivered()
    assert len(delivered) == CALLS
    assert set(delivered.values()) == {1}, "no reply that came was bought again, at neither provider"
    assert authors == {
        "gpt-test (1)": limited.bill.times_delivered().total(), "gpt-test (2)": other.bill.times_delivered().total()
    }  # fmt: skip
    assert authors["gpt-test (1)"] < authors["gpt-test (2)"], "one at its limits is passed over"
    assert len(limited.gate.refused) <= 20, "no more than a first burst, before any reply told the limit"
    with Ledger(path) as ledger:
        tokens = [(stored.input_tokens or 0, stored.output_tokens or 0) for stored, _, _ in ledger.requests()]
        maybe_billed = Counter(attempt.key for attempt in ledger.attempts() if attempt.maybe_billed)
        dollars = ledger.totals().cost_dollars
    bill = limited.bill.delivered_dollars + other.bill.delivered_dollars
    assert sum(Fraction(read + 2 * written, 1_000_000) for read, written in tokens) == bill
    assert dollars == pytest.approx(float(bill), abs=1e-9)
    lost = len(limited.bill.lost) + len(other.bill.lost)
    assert 0 < lost <= maybe_billed.total(), "what was charged and lost is listed as an attempt"
