"""One ledger for everything: live, in batches and live again; with another parser; with one prompt changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from provider import Provider, serving

from lessons.records import Message, Prompt
from lessons.tables import read_annotations
from teachers import Completion, DifficultyAnnotator, DistillSummary, Ledger, RationaleAnnotator, distill
from teachers.annotators import Fields
from teachers.batches.batching import Batches

QUICK = Batches(quiet_seconds=0.02, poll_seconds=0.02, find_seconds=0.2)
Run = Callable[..., DistillSummary]


@pytest.fixture
def run(tmp_path: Path, hosted: Any, grader: Any) -> Run:
    """Distil prompts with one ledger and one provider."""

    def make(provider: Provider, prompts: list[Prompt], annotators: Any = None, **more: Any) -> DistillSummary:
        annotators = annotators or [RationaleAnnotator(samples=2, seed=5), DifficultyAnnotator()]
        out = tmp_path / "lessons.parquet"
        return distill(
            prompts, hosted(provider), annotators, grader, tmp_path / "ledger.sqlite", out, progress=False, **more
        )

    return make


def test_live_then_batch_then_live_pays_nothing_twice(tmp_path: Path, sums: Any, run: Run) -> None:
    prompts = sums(90)
    with serving(batch_seconds=0.1) as provider:
        first = run(provider, prompts[:30])
        live = len(provider.bill.charges)
        second = run(provider, prompts[:60], batches=QUICK)
        in_batches = len(provider.bill.charges) - live
        third = run(provider, prompts)
        fourth = run(provider, prompts, batches=QUICK)
    assert set(provider.bill.times_delivered().values()) == {1}
    assert all(
        (charge.batch is None) == (not live <= k < live + in_batches) for k, charge in enumerate(provider.bill.charges)
    )
    assert (first.calls, second.calls, third.calls, fourth.calls) == (90, 90, 90, 0)
    assert (first.from_ledger, second.from_ledger, third.from_ledger, fourth.from_ledger) == (0, 90, 180, 270)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.totals().cost_dollars == pytest.approx(float(provider.bill.dollars), abs=1e-12)
    assert fourth.dollars_from_ledger == pytest.approx(float(provider.bill.dollars), abs=1e-12)


class LoudRationale(RationaleAnnotator):
    """Another parser over the same questions."""

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        fields = super().parse(completion, prompt)
        return Fields(fields.text.upper(), answer=fields.answer)


@pytest.mark.parametrize("batches", [None, QUICK], ids=["live", "batch"])
def test_another_parser_costs_nothing(tmp_path: Path, sums: Any, run: Run, batches: Batches | None) -> None:
    with serving(batch_seconds=0.05) as provider:
        run(provider, sums(20), [RationaleAnnotator()], batches=batches)
        paid = len(provider.bill.charges)
        again = run(provider, sums(20), [LoudRationale()], batches=batches)
    assert (again.calls, len(provider.bill.charges)) == (0, paid) == (0, 20)
    assert all(annotation.text.isupper() for annotation in read_annotations(tmp_path / "lessons.parquet"))


@pytest.mark.parametrize("batches", [None, QUICK], ids=["live", "batch"])
def test_one_changed_prompt_costs_one_call(sums: Any, run: Run, batches: Batches | None) -> None:
    prompts = sums(20)
    changed = [*prompts[:7], Prompt(prompts[7].id, (Message("user", "5+6=?"),), reference="11"), *prompts[8:]]
    with serving(batch_seconds=0.05) as provider:
        run(provider, prompts, [RationaleAnnotator()], batches=batches)
        again = run(provider, changed, [RationaleAnnotator()], batches=batches)
        both = run(provider, changed, [RationaleAnnotator(), DifficultyAnnotator()], batches=batches)
    assert (again.calls, both.calls) == (1, 20)
    assert "5+6" in provider.bill.charges[20].question
