"""Batches that expire, fail, lose and repeat lines, behind a wire that breaks: each prompt is paid once."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from provider import Event, Provider, Schedule, serving
from provider.answers import number_from

from lessons.errors import BudgetExceeded
from lessons.tables import read_annotations
from teachers import Budget, Ledger, Limits, RationaleAnnotator, distill
from teachers.batches.batching import Batches

WIRE = {"500": 0.1, "429": 0.05, "429 silent": 0.05, "503": 0.05, "reset": 0.1, "cut json": 0.05, "reset in body": 0.05}
FAULTS = {
    "upload": WIRE,
    "submit": {"500": 0.1, "429": 0.1, "reset": 0.1},
    "status": WIRE,
    "list": WIRE,
    "results": WIRE,
    "batch": {"expired": 0.3, "failed": 0.1},
    "line": {
        "errored": 0.05,
        "expired": 0.05,
        "missing": 0.03,
        "repeated": 0.05,
        "length": 0.02,
        "refusal": 0.02,
    },
}
QUICK = Batches(largest=250, quiet_seconds=0.05, poll_seconds=0.02, find_seconds=0.5)
LIMITS = Limits(in_flight=50, attempts=12, first_wait_seconds=0.01, longest_wait_seconds=0.05)
PROMPTS = 2_000


@pytest.mark.slow
def test_batches_under_every_fault(tmp_path: Path, hosted: Any, sums: Any, grader: Any, bare_template: str) -> None:
    provider = Provider(
        fault=Schedule(11, FAULTS), batch_seconds=0.1, results_late_seconds=0.1, known_late_seconds=0.02
    )
    arguments: Any = ([RationaleAnnotator(template=bare_template)], grader, tmp_path / "l", tmp_path / "o", LIMITS)
    with serving(provider):
        summary = distill(sums(PROMPTS), hosted(provider), *arguments, progress=False, batches=QUICK)
    assert {annotation.prompt_id for annotation in read_annotations(tmp_path / "o")} == {p.id for p in sums(PROMPTS)}
    assert (summary.calls, summary.failures, summary.wrong) == (PROMPTS, 0, 0)
    for fault in ("batch: expired", "line: missing", "line: repeated", "status: reset", "results: 500"):
        assert provider.faults[fault] > 0
    assert set(provider.bill.times_delivered().values()) == {1}
    with Ledger(tmp_path / "l") as ledger:
        total = ledger.totals()
    exact = sum(Fraction(c.input_tokens + 2 * c.output_tokens, 2_000_000) for c in provider.bill.charges)
    assert exact == provider.bill.dollars
    assert total.cost_dollars == pytest.approx(float(exact), abs=1e-9)


def test_a_batch_whose_creation_was_not_answered_is_found_again(
    tmp_path: Path, hosted: Any, sums: Any, grader: Any, bare_template: str
) -> None:
    """The provider took the batch in, and the connection broke before it said so."""

    def fault(event: Event) -> str | None:
        return "reset after work" if event.place == "submit" and event.before == 0 else None

    arguments: Any = ([RationaleAnnotator(template=bare_template)], grader, tmp_path / "l", tmp_path / "o", LIMITS)
    with serving(fault=fault, batch_seconds=0.2) as provider:
        summary = distill(sums(40), hosted(provider), *arguments, progress=False, batches=QUICK)
    assert (summary.calls, len(provider.batches)) == (40, 1)
    assert len(provider.bill.charges) == 40


@pytest.mark.parametrize("cap", [0.0, 0.001, 0.005, 0.02])
def test_the_cap_holds_in_batches(tmp_path: Path, hosted: Any, sums: Any, bare_template: str, cap: float) -> None:
    def lengthy(question: str, draw: int) -> str:
        return "word " * int(1 + 60 * number_from(question)) + "\nAnswer: 1"

    annotators = [RationaleAnnotator(template=bare_template, max_output_tokens=40)]
    settings = Batches(largest=20, quiet_seconds=0.02, poll_seconds=0.02, find_seconds=0.2)
    with serving(batch_seconds=0.05, answer=lengthy) as provider:
        backend = hosted(provider)
        arguments: Any = (sums(700), backend, annotators, None, tmp_path / "l", tmp_path / "o", LIMITS)
        with pytest.raises(BudgetExceeded, match="Stopped by the budget"):
            distill(*arguments, Budget(dollars=cap), progress=False, batches=settings)
        assert provider.bill.dollars <= Fraction(str(cap))
        charged = Counter(charge.key for charge in provider.bill.charges)
        distill(*arguments, progress=False, batches=settings)
        assert Counter(charge.key for charge in provider.bill.charges).keys() >= charged.keys()
    assert set(provider.bill.times_delivered().values()) == {1}
