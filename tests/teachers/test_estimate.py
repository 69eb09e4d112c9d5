from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lessons.errors import UnknownPrice
from teachers import Budget, CritiqueAnnotator, DifficultyAnnotator, RationaleAnnotator, ScriptedBackend, distill
from teachers.annotators import By
from teachers.calls.pricing import Price
from teachers.estimate import estimate

ADDITION = ScriptedBackend("teachers.programs.addition:answer")


def test_nothing_is_asked_and_nothing_is_written(tmp_path: Path, loopback: Any, hosted: Any, sums: Any) -> None:
    annotators = [RationaleAnnotator(max_asks=3), DifficultyAnnotator()]
    with loopback() as provider:
        found = estimate(sums(10), hosted(provider), annotators, None, tmp_path / "ledger.sqlite")
    assert not provider.received
    assert list(tmp_path.iterdir()) == []
    assert (found.prompts, found.calls, found.calls_at_most) == (10, 20, 10 * (3 + 2))  # a difficulty may be repaired
    assert found.output_tokens == 10 * 1024 + 10 * 256
    assert found.dollars is not None
    assert found.dollars_at_most is not None
    assert 0 < found.dollars < found.dollars_at_most


def test_the_bound_holds(tmp_path: Path, loopback: Any, hosted: Any, sums: Any, grader: Any) -> None:
    annotators = [RationaleAnnotator(max_asks=3), CritiqueAnnotator(), DifficultyAnnotator()]
    with loopback(answer=lambda question, draw: "so\nAnswer: 7") as provider:
        backend = hosted(provider)
        found = estimate(sums(10), backend, annotators, grader, tmp_path / "l")
        summary = distill(sums(10), backend, annotators, grader, tmp_path / "l", tmp_path / "o")
        again = estimate(sums(10), backend, annotators, grader, tmp_path / "l")
    assert found.calls <= summary.calls <= found.calls_at_most
    assert summary.input_tokens + summary.output_tokens <= found.tokens_at_most
    assert summary.dollars is not None
    assert found.dollars_at_most is not None
    assert summary.dollars <= found.dollars_at_most
    assert (again.calls, again.in_ledger, again.measured_output) == (0, 20, True)


def test_replies_in_the_ledger_tell_how_long_answers_are(tmp_path: Path, sums: Any) -> None:
    annotators = [DifficultyAnnotator()]
    distill(sums(30), ADDITION, annotators, None, tmp_path / "l", tmp_path / "o")
    found = estimate(sums(40), ADDITION, annotators, None, tmp_path / "l")
    assert (found.calls, found.in_ledger, found.measured_output) == (10, 30, True)
    assert 0 < found.output_tokens < 10 * 256 / 5


def test_a_dollar_budget_without_a_price_is_refused(tmp_path: Path, loopback: Any, hosted: Any, sums: Any) -> None:
    with loopback() as provider:
        backend = hosted(provider, input_price=None, output_price=None)
        with pytest.raises(UnknownPrice):
            estimate(sums(1), backend, [DifficultyAnnotator()], None, tmp_path / "l", budget=Budget(dollars=1))
        assert estimate(sums(1), backend, [DifficultyAnnotator()], None, tmp_path / "l").dollars is None


def test_several_teachers_are_counted_at_their_own_prices(tmp_path: Path, sums: Any) -> None:
    class Priced(ScriptedBackend):
        @property
        def price(self) -> Price:
            return Price.flat(self.version, 2 * self.version)

    cheap, dear = Priced("teachers.programs.addition:answer"), Priced("teachers.programs.addition:answer", version=10)
    one = estimate(sums(5), cheap, [DifficultyAnnotator()], None, tmp_path / "l")
    annotators = [DifficultyAnnotator(), By("second", dear, DifficultyAnnotator())]
    both = estimate(sums(5), cheap, annotators, None, tmp_path / "l")
    assert one.dollars is not None
    assert both.dollars == pytest.approx(11 * one.dollars)
    assert both.calls == 10


def test_samples_of_one_call_read_the_question_once(tmp_path: Path, sums: Any) -> None:
    class Bundling(ScriptedBackend):
        samples_per_call = 8

    alone = ScriptedBackend("teachers.programs.addition:answer")
    together = Bundling("teachers.programs.addition:answer")
    annotators = [RationaleAnnotator(samples=9, max_asks=9)]
    many = estimate(sums(4), alone, annotators, None, tmp_path / "l")
    few = estimate(sums(4), together, annotators, None, tmp_path / "l")
    assert many.calls == 4 * 9
    assert few.calls == 4 * 2  # the first at its own temperature, the eight others together
    assert few.input_tokens * 9 == many.input_tokens * 2
    assert few.output_tokens == many.output_tokens
