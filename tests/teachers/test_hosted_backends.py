"""Both real SDKs against the emulated provider: the wire formats, every fault, and no secret anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from provider import Event

from lessons.errors import BudgetExceeded, CallFailed, MissingSecret, PartialResult, UnknownPrice
from lessons.tables import read_annotations
from teachers import Budget, DifficultyAnnotator, Ledger, Limits, RationaleAnnotator, distill

KEY = "planted-secret-8412"


def test_every_prompt_is_answered_once(tmp_path: Path, loopback: Any, hosted: Any, sums: Any, grader: Any) -> None:
    with loopback() as provider:
        annotators = [RationaleAnnotator(), DifficultyAnnotator()]
        summary = distill(sums(50), hosted(provider), annotators, grader, tmp_path / "l.sqlite", tmp_path / "o.parquet")
        again = distill(sums(50), hosted(provider), annotators, grader, tmp_path / "l.sqlite", tmp_path / "o2.parquet")
    assert (summary.trusted, summary.calls, summary.from_ledger, summary.failures) == (100, 100, 0, 0)
    assert (again.calls, again.from_ledger) == (0, 100)
    assert set(provider.calls.values()) == {1}
    assert summary.input_tokens + summary.output_tokens == provider.billed_tokens
    assert summary.dollars == pytest.approx((summary.input_tokens + 2 * summary.output_tokens) / 1e6)
    assert again.dollars_from_ledger == pytest.approx(summary.dollars)
    assert (tmp_path / "o.parquet").read_bytes() == (tmp_path / "o2.parquet").read_bytes()
    first, second = list(read_annotations(tmp_path / "o.parquet"))[:2]
    assert (first.kind, first.text, first.answer) == ("rationale", "100 plus 0 makes 100", "100")
    assert (second.kind, second.value) == ("difficulty", pytest.approx(2 / 9))


FAULTS = ["429", "500", "529", "503", "reset", "reset in body", "cut json", "no answer"]


@pytest.mark.parametrize("silent", [False, True], ids=["Retry-After", "silent"])
def test_every_fault_that_can_heal_heals(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any, grader: Any, quick: Limits, silent: bool
) -> None:
    faults = [f"{fault} silent" if silent and fault.isdigit() else fault for fault in FAULTS]

    def fault(event: Event) -> str | None:
        number = int(event.content.split("+")[0][-3:])
        return faults[(number + event.before) % len(faults)] if event.before < number % 3 else None

    with loopback(fault=fault) as provider:
        annotators = [RationaleAnnotator(template=str(bare_template(tmp_path)))]
        summary = distill(
            sums(60), hosted(provider), annotators, grader, tmp_path / "l.sqlite", tmp_path / "o.parquet", quick
        )
    assert (summary.trusted, summary.calls) == (60, 60)
    assert set(provider.calls.values()) == {1}
    assert summary.failed_attempts == sum(provider.received.values()) - 60 > 0


@pytest.mark.parametrize(("fault", "problem"), [("length", "cut off at the token limit"), ("refusal", "refused by")])
def test_truncated_and_refused_completions_are_paid_once_and_marked(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any, grader: Any, fault: str, problem: str
) -> None:
    with loopback(fault=lambda event: fault) as provider:
        for _ in range(2):
            summary = distill(
                sums(5), hosted(provider), [RationaleAnnotator(max_asks=4)], grader,
                tmp_path / "l.sqlite", tmp_path / "o.parquet",
            )  # fmt: skip
    assert sum(provider.received.values()) == 5
    assert (summary.annotations, summary.trusted, summary.problems) == (5, 0, 5)
    assert all(problem in (a.problem or "") for a in read_annotations(tmp_path / "o.parquet"))


def test_wrong_answers_are_asked_for_again_with_fresh_samples(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any, grader: Any
) -> None:
    with loopback(answer=lambda question, draw: "I guess\nAnswer: 7") as provider:
        annotator = RationaleAnnotator(max_asks=3, seed=11)
        summary = distill(sums(4), hosted(provider), [annotator], grader, tmp_path / "l.sqlite", tmp_path / "o.parquet")
    assert (summary.annotations, summary.wrong, summary.trusted) == (12, 12, 0)
    found = list(read_annotations(tmp_path / "o.parquet"))
    assert [a.sample for a in found] == [0, 1, 2] * 4
    assert all(a.grade is not None and not a.grade.correct for a in found)
    assert {body.get("temperature") for body in provider.bodies} == {0.0, 0.8}


def test_a_wrong_key_stops_the_run_and_shows_up_nowhere(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any, grader: Any
) -> None:
    with loopback(fault=lambda event: "401") as provider, pytest.raises(CallFailed) as caught:
        distill(
            sums(300), hosted(provider), [RationaleAnnotator()], grader,
            tmp_path / "l.sqlite", tmp_path / "o.parquet", Limits(in_flight=3),
        )  # fmt: skip
    assert "***" in str(caught.value)
    assert sum(provider.received.values()) <= 9
    assert any(KEY in value for value in provider.headers[0].values())
    assert not (tmp_path / "o.parquet").exists()
    assert no_secret(tmp_path)
    assert KEY not in repr(caught.getrepr(style="long"))


def test_an_empty_account_is_not_waited_for(tmp_path: Path, loopback: Any, hosted: Any, sums: Any) -> None:
    with loopback(fault=lambda event: "quota") as provider, pytest.raises(CallFailed, match=r"quota|credit balance"):
        distill(sums(9), hosted(provider), [RationaleAnnotator()], None, tmp_path / "l.sqlite", tmp_path / "o.parquet")


def test_failures_are_listed_and_can_be_retried_alone(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any, grader: Any, quick: Limits
) -> None:
    broken = {"101+7=?", "105+35=?"}
    arguments = ([RationaleAnnotator(template=str(bare_template(tmp_path)))], grader, tmp_path / "l.sqlite")
    out = tmp_path / "o.parquet"
    with loopback(fault=lambda event: "400" if event.content.split("\n")[0] in broken else None) as provider:
        with pytest.raises(
            PartialResult, match=r"2 annotations of 2 of 10 prompts.*'p101'.*run the same command again"
        ):
            distill(sums(10), hosted(provider), *arguments, out, quick)
        assert not out.exists()
        listed = [json.loads(line) for line in (tmp_path / "failures.jsonl").read_text().splitlines()]
        assert [(entry["prompt_id"], entry["kind"]) for entry in listed] == [
            ("p101", "rationale"),
            ("p105", "rationale"),
        ]
        assert "fault 400" in listed[0]["reason"]
        partial = distill(sums(10), hosted(provider), *arguments, out, quick, allow_partial=True)
        assert (partial.annotations, partial.failures, partial.calls) == (8, 2, 0)
        broken.clear()
        whole = distill(sums(10), hosted(provider), *arguments, out, quick)
        assert (whole.annotations, whole.failures, whole.calls) == (10, 0, 2)
        assert not (tmp_path / "failures.jsonl").exists()
    assert no_secret(tmp_path)


def test_a_server_that_is_not_there_costs_nothing(tmp_path: Path, loopback: Any, hosted: Any, sums: Any) -> None:
    with loopback() as provider:
        pass
    limits = Limits(attempts=2, first_wait_seconds=0.01, failures_in_a_row=3)
    budget = Budget(dollars=0.01)
    with pytest.raises(CallFailed, match="3 calls in a row failed for good"):
        distill(sums(9), hosted(provider), [RationaleAnnotator()], None, tmp_path / "l", tmp_path / "o", limits, budget)
    with Ledger(tmp_path / "l") as ledger:
        assert not any(attempt.maybe_billed for attempt in ledger.attempts())


def test_a_lost_reply_is_counted_as_billed(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any, quick: Limits
) -> None:
    with loopback(fault=lambda event: None if event.before else "reset in body") as provider:
        distill(sums(3), hosted(provider), [RationaleAnnotator()], None, tmp_path / "l", tmp_path / "o", quick)
    with Ledger(tmp_path / "l") as ledger:
        assert [attempt.maybe_billed for attempt in ledger.attempts()] == [True] * 3


def test_the_dollar_cap_holds_against_the_providers_own_bill(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any
) -> None:
    cap = 0.004
    with loopback(latency_seconds=0.01) as provider:
        backend = hosted(provider, input_price=1.0, output_price=1.0)
        arguments = (
            sums(300),
            backend,
            [RationaleAnnotator(max_output_tokens=50)],
            None,
            tmp_path / "l",
            tmp_path / "o",
        )
        with pytest.raises(BudgetExceeded, match=r"dollars: .*the cap is 0\.004.*nothing is paid twice"):
            distill(*arguments, Limits(in_flight=100), Budget(dollars=cap))
        assert cap / 3 < provider.billed_tokens / 1e6 <= cap
        assert not (tmp_path / "o").exists()
        distill(*arguments)
    assert set(provider.calls.values()) == {1}


def test_calls_in_flight_are_bounded(tmp_path: Path, loopback: Any, hosted: Any, sums: Any) -> None:
    with loopback(latency_seconds=0.02) as provider:
        arguments = (hosted(provider), [RationaleAnnotator()], None, tmp_path / "l", tmp_path / "o")
        distill(sums(60), *arguments, Limits(in_flight=7))
    assert provider.gate.most_in_flight == 7


def test_an_unset_key_is_refused_before_the_first_call(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loopback() as provider:
        backend = hosted(provider)
        monkeypatch.delenv("TEST_KEY")
        with pytest.raises(MissingSecret, match="TEST_KEY is not set"):
            distill(sums(3), backend, [RationaleAnnotator()], None, tmp_path / "l", tmp_path / "o")
    assert not provider.received


def test_an_unknown_price_with_a_dollar_budget_is_refused(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any
) -> None:
    with loopback() as provider:
        backend = hosted(provider, input_price=None, output_price=None)
        with pytest.raises(UnknownPrice, match="is not known"):
            distill(
                sums(3), backend, [RationaleAnnotator()], None, tmp_path / "l", tmp_path / "o", budget=Budget(dollars=1)
            )
        summary = distill(sums(3), backend, [RationaleAnnotator()], None, tmp_path / "l", tmp_path / "o")
    assert summary.dollars is None
    assert next(read_annotations(tmp_path / "o")).provenance.cost_dollars is None


def test_one_backend_serves_several_runs(tmp_path: Path, loopback: Any, hosted: Callable[..., Any], sums: Any) -> None:
    with loopback() as provider:
        backend = hosted(provider)
        for count in (2, 4):
            distill(sums(count), backend, [RationaleAnnotator()], None, tmp_path / "l", tmp_path / "o")
    assert sum(provider.received.values()) == 4


def bare_template(folder: Path) -> Path:
    path = folder / "bare.txt"
    path.write_text("name: bare/1\n[user]\n{{ question }}\nEnd with: Answer: <answer>\n")
    return path


def no_secret(folder: Path) -> bool:
    return not any(KEY.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
