from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lessons.critique_metrics import Judgements, Transitions
from lessons.errors import BudgetExceeded, ConfigError, DataError
from lessons.graders import ExactGrader, NumberGrader
from lessons.intervals import wilson
from lessons.records import Attempt, Message, Prompt
from lessons.tables import write_attempts
from teachers import Budget, CriticExam, CritiqueAnnotator, ScriptedBackend, distill
from teachers.critics.critic_exam import LOOPS, critic_report, examine_critic
from teachers.estimate import estimate

PROGRAM = '''
"""Twenty cases: a solver that is right in 0 to 11, and a critic whose every verdict and correction is laid down."""

CALLS = []


def case(request):
    return int(request.metadata["prompt"].id)


def work(k, right):
    return f"I add.\\nThat makes {100 + k if right else 7}.\\nAnswer: {100 + k if right else 7}"


def solver(request):
    CALLS.append(request)
    k = case(request)
    if request.metadata["kind"] == "revision":
        return work(k, k % 2 == 0)
    return work(k, k < 12)


def found(k, step, answer):
    correction = "" if answer is None else f"Corrected answer: {answer}\\n"
    return f"A second look.\\nFirst wrong step: {step}\\n{correction}Verdict: incorrect"


def critic(request):
    if request.metadata["kind"] == "rationale":
        return solver(request)
    CALLS.append(request)
    k = case(request)
    if "second look" in request.messages[0].content:
        return found(k, 1, 100 + k) if k == 16 else "Fine.\\nVerdict: correct"
    if k == 11:
        return "I cannot say."
    if k < 9 or k == 18:
        return "Fine.\\nVerdict: correct"
    if k in (9, 10, 16, 17):
        return found(k, 2, 7)
    return found(k, 1 if k in (12, 13) else 2, None if k == 19 else 100 + k)
'''
ROUND_1 = Transitions(right_right=9, right_wrong=3, wrong_right=4, wrong_wrong=4)
VERDICTS_1 = Judgements(spotted=7, missed=1, false_alarms=2, accepted=9, unreadable_right=1)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "critic_program.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(str(tmp_path))
    import critic_program  # type: ignore[import-not-found]

    yield critic_program
    del sys.modules["critic_program"]


PROMPTS = [
    Prompt(str(k), (Message("user", f"100 plus {k}?"),), str(100 + k), metadata={"step": 1 if k > 11 else None})
    for k in range(20)
]


def scripted(role: str) -> ScriptedBackend:
    return ScriptedBackend(f"critic_program:{role}")


@pytest.fixture
def attempts(tmp_path: Path, program: Any) -> Path:
    path = tmp_path / "attempts.parquet"
    rows = [Attempt(p.id, "student", program.work(k, k < 12)) for k, p in enumerate(PROMPTS)]
    marked = [
        replace(row, grade=replace(NumberGrader().grade(row.text, prompt), grader="number/0"))
        for row, prompt in zip(rows, PROMPTS, strict=True)
    ]
    flipped = replace(marked[0], grade=NumberGrader().grade("7", PROMPTS[0]))
    write_attempts(path, [flipped, *marked[1:]])
    return path


@pytest.fixture
def examine(tmp_path: Path, program: Any) -> Callable[..., Any]:
    def run(**settings: Any) -> Any:
        budget = settings.pop("budget", None)
        exam = CriticExam(scripted("critic"), **settings)
        return examine_critic(
            exam, PROMPTS, NumberGrader(), tmp_path / "ledger.sqlite", tmp_path / "out", budget=budget, progress=False
        )

    return run


def test_every_figure_of_a_critic_of_known_faults(examine: Callable[..., Any], attempts: Path, tmp_path: Path) -> None:
    report = examine(attempts=attempts, step_key="step")
    (turn,) = report.rounds
    assert turn.from_first == turn.from_previous == ROUND_1
    assert turn.judgements == VERDICTS_1
    assert (report.location.correct, report.location.total) == (2, 8)
    assert (report.mode, report.solver, report.grader) == ("cross", "student", "number/1")
    assert (report.prompts, report.missing, report.graded_otherwise) == (20, 0, 1)
    written = json.loads((tmp_path / "out" / "critic.json").read_text())
    assert written == report.to_json()
    first = written["rounds"][0]["from_first"]
    assert first["relative_self_correction"]["value"] == pytest.approx((0.65 - 0.36) / 0.48)
    low, high = wilson(9, 12)
    assert first["confidence_level"] == {"correct": 9, "total": 12, "accuracy": 0.75, "low": low, "high": high}
    assert written["rounds"][0]["judgements"]["recall_of_incorrect"]["accuracy"] == 7 / 8


def test_the_text_says_every_figure_with_its_count_and_interval(examine: Callable[..., Any], attempts: Path) -> None:
    lines = examine(attempts=attempts, step_key="step").text().splitlines()
    assert lines[0] == (
        "critic_program:critic as critic of student (cross; corrected by the critique; number/1; intervals of 95%)"
    )
    assert "  right before                          12 of 20 = 60.0% (38.7% to 78.1%)" in lines
    assert "  right ones kept (CL)                  9 of 12 = 75.0% (46.8% to 91.1%)" in lines
    assert "  names the first wrong step            2 of 8 = 25.0% (7.1% to 59.1%)" in lines
    assert "  verdicts that could not be read       1 of 20" in lines
    assert lines[-1] == "  1 attempts were marked otherwise in their file; the marks here count"


@pytest.mark.parametrize(("solver", "mode"), [("critic", "self"), ("solver", "cross")])
def test_without_attempts_the_solver_answers_first(solver: str, mode: str, examine: Callable[..., Any]) -> None:
    report = examine(solver=None if solver == "critic" else scripted(solver))
    assert report.rounds[0].from_first == ROUND_1
    assert (report.mode, report.solver) == (mode, f"critic_program:{solver}")
    assert report.location is None


def test_several_samples_are_counted_singly(examine: Callable[..., Any]) -> None:
    assert examine(samples=3).rounds[0].from_first == Transitions(27, 9, 12, 12)


def test_the_solver_corrects_from_the_reasons_alone(examine: Callable[..., Any], program: Any) -> None:
    report = examine(solver=scripted("solver"), corrected_by="solver")
    assert report.rounds[0].from_first == Transitions(10, 2, 3, 5)
    assert report.rounds[0].judgements == VERDICTS_1
    revisions = [r.messages[-1].content for r in program.CALLS if r.metadata["kind"] == "revision"]
    assert len(revisions) == 9
    assert not any("Corrected answer" in text for text in revisions)


def test_rounds_go_on_until_the_critic_finds_nothing(examine: Callable[..., Any], attempts: Path) -> None:
    report = examine(attempts=attempts, rounds=2)
    first, second = report.rounds
    assert (first.from_first, first.judgements) == (ROUND_1, VERDICTS_1)
    assert second.from_first == Transitions(9, 3, 5, 3)
    assert second.from_previous == Transitions(13, 0, 1, 6)
    assert second.judgements == Judgements(spotted=1, missed=3, accepted=4)
    assert report.mode == "cross, iterative"
    assert "after round 2" in report.text()


@pytest.mark.parametrize(
    ("settings", "sure", "most"),
    [
        ({}, 20, 20 * (1 + 2)),  # an answer and a critique, which may be asked for again
        ({"corrected_by": "critic", "rounds": 2}, 20, 20 * (1 + 2 * (2 + 2))),
        ({"solver": "solver", "samples": 2}, 40, 40 * (1 + 2)),
        ({"solver": "solver", "corrected_by": "solver"}, 20, 20 * (1 + 2 + 2)),
        ({"attempts": True, "rounds": 2}, 20, 20 * 2 * 2),
        ({"attempts": True, "solver": "solver", "corrected_by": "solver"}, 20, 20 * (2 + 2)),
    ],
    ids=str,
)
def test_what_it_will_take_is_foreseen(
    settings: dict[str, Any], sure: int, most: int, program: Any, attempts: Path, tmp_path: Path
) -> None:
    settings = {**settings, **({"attempts": attempts} if "attempts" in settings else {})}
    settings |= {"solver": scripted(settings["solver"])} if "solver" in settings else {}
    critic, grader = scripted("critic"), NumberGrader()
    loop = CriticExam(critic, **settings).loop(PROMPTS)
    found = estimate(PROMPTS, critic, [loop], grader, tmp_path / "no ledger")
    assert (found.calls, found.calls_at_most) == (sure, most)
    distilled = distill(PROMPTS, critic, [loop], grader, tmp_path / "ledger.sqlite", tmp_path / "o", progress=False)
    assert sure <= distilled.calls <= most
    assert distilled.input_tokens + distilled.output_tokens <= found.tokens_at_most
    again = estimate(PROMPTS, critic, [loop], grader, tmp_path / "ledger.sqlite")
    assert (again.calls, again.in_ledger) == (0, sure)


def test_a_second_run_and_another_grader_cost_nothing(
    examine: Callable[..., Any], program: Any, attempts: Path, tmp_path: Path
) -> None:
    first = examine(attempts=attempts, rounds=2)
    calls = len(program.CALLS)
    assert examine(attempts=attempts, rounds=2) == first
    again = critic_report(tmp_path / "out" / LOOPS, PROMPTS, ExactGrader(), CriticExam(scripted("critic"), rounds=2))
    assert len(program.CALLS) == calls
    assert again.grader == "exact/1"
    assert again.rounds == first.rounds


def test_a_budget_stops_it_and_a_later_run_goes_on(examine: Callable[..., Any], program: Any, attempts: Path) -> None:
    with pytest.raises(BudgetExceeded):
        examine(attempts=attempts, budget=Budget(calls=5))
    assert len(program.CALLS) == 5
    assert examine(attempts=attempts).rounds[0].from_first == ROUND_1
    assert len(program.CALLS) == 21  # one for each attempt, and one repair


def test_prompts_without_an_attempt_are_counted(examine: Callable[..., Any], tmp_path: Path, program: Any) -> None:
    path = tmp_path / "few.parquet"
    write_attempts(path, [Attempt("3", "student", program.work(3, True)), Attempt("elsewhere", "student", "x")])
    report = examine(attempts=path)
    assert (report.prompts, report.missing, report.rounds[0].from_first) == (1, 19, Transitions(right_right=1))
    assert report.rounds[0].from_first.relative() is None
    assert "19 prompts have no attempt" in report.text()
    json.dumps(report.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rounds": 0}, r"rounds is 0 and samples is 1; both must be 1 or more"),
        ({"corrected_by": "solver"}, r'corrected_by is "solver", but no solver is given \(got None\)'),
        ({"attempts": "a.parquet", "samples": 2}, r"With attempts \(a.parquet\) nobody has to answer.*samples is 2"),
        ({"step_key": "step"}, r"step_key is 'step', but no attempts are given"),
        ({"critique": CritiqueAnnotator(show_reference=True)}, r"shown the reference.*nothing to examine"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any], message: str, examine: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match=message):
        examine(**settings)


def test_attempts_that_do_not_fit(examine: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    write_attempts(path, [Attempt("q", "s", "x")])
    with pytest.raises(DataError, match=r"no attempt \(got 0, at least 1 is needed\) at any of the 20 prompts"):
        examine(attempts=path)
    write_attempts(path, [Attempt("3", "s", "x"), Attempt("3", "s", "y")])
    with pytest.raises(DataError, match=r"2 attempts at the prompt '3'.*can be about one only"):
        examine(attempts=path, step_key="step")
