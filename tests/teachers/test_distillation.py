from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import ConfigError, DataError, PartialResult
from lessons.graders import NumberGrader
from lessons.records import Message, Prompt
from lessons.tables import read_annotations
from teachers import (
    By,
    CritiqueAnnotator,
    DifficultyAnnotator,
    JudgeAnnotator,
    Ledger,
    Limits,
    MergedCritiqueAnnotator,
    NewPromptsAnnotator,
    OpenAIBackend,
    PairJudgeAnnotator,
    RationaleAnnotator,
    Request,
    RevisionAnnotator,
    RubricGradeAnnotator,
    ScriptedBackend,
    distill,
)

ADDITION = "teachers.programs.addition:answer"

# Where the tests themselves run in the background, SIGINT is ignored and children inherit that: they take it back.
COMMAND = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from lessons.graders import NumberGrader
from lessons.records import Message, Prompt
from teachers import DifficultyAnnotator, Limits, OpenAIBackend, RationaleAnnotator, distill

url, folder, count, in_flight = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
prompts = [Prompt(f"p{a}", (Message("user", f"{a}+{a * 7}=?"),), reference=str(a * 8)) for a in range(100, 100 + count)]
distill(prompts, OpenAIBackend("gpt-test", url, None, 1.0, 2.0), [RationaleAnnotator(), DifficultyAnnotator()],
        NumberGrader(), f"{folder}/ledger.sqlite", f"{folder}/lessons.parquet", Limits(in_flight=in_flight))
"""


def start(url: str, folder: Path, count: int, in_flight: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, url, str(folder), str(count), str(in_flight)],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip


def annotators() -> list[Any]:
    return [RationaleAnnotator(), CritiqueAnnotator(), DifficultyAnnotator()]


def test_the_order_is_that_of_the_prompts_whatever_the_latency(tmp_path: Path, sums: Any, grader: Any) -> None:
    quick = distill(sums(40), ScriptedBackend(ADDITION), annotators(), grader, tmp_path / "a.sqlite", tmp_path / "a")
    slow_teacher = ScriptedBackend("teachers_slow_answers:answer")
    module = type(sys)("teachers_slow_answers")
    module.answer = ScriptedBackend(ADDITION).loaded or __import__("teachers.programs.addition", fromlist=["x"]).answer
    sys.modules["teachers_slow_answers"] = module
    generator = random.Random(1)
    send = slow_teacher.send

    async def late(request: Request) -> dict[str, Any]:
        slow_teacher.latency_seconds = generator.random() * 0.05
        return await send(request)

    slow_teacher.send = late  # type: ignore[method-assign]
    distill(sums(40), slow_teacher, annotators(), grader, tmp_path / "b.sqlite", tmp_path / "b", Limits(in_flight=7))
    found, late_found = (list(read_annotations(tmp_path / name)) for name in "ab")
    assert [(a.prompt_id, a.kind, a.sample, a.text) for a in found] == [
        (a.prompt_id, a.kind, a.sample, a.text) for a in late_found
    ]
    assert [a.prompt_id for a in found if a.kind == "difficulty"] == [p.id for p in sums(40)]
    assert quick.prompts == 40


def test_wrong_rationales_are_kept_marked_and_asked_again(tmp_path: Path, sums: Any, grader: Any) -> None:
    arguments = (ScriptedBackend(ADDITION), annotators(), grader, tmp_path / "l", tmp_path / "o")
    summary = distill(sums(200), *arguments)
    found = list(read_annotations(tmp_path / "o"))
    rationales = [a for a in found if a.kind == "rationale"]
    wrong = [a for a in rationales if not a.trusted]
    assert summary.wrong == len(wrong) > 0
    assert len([a for a in rationales if a.trusted]) == 200
    critiques = [a for a in found if a.kind == "critique"]
    assert {a.prompt_id for a in critiques} == {a.prompt_id for a in wrong}
    assert all(a.subject and "Answer: " in a.subject for a in critiques)


def test_a_changed_template_pays_again_and_one_changed_prompt_costs_one_call(
    tmp_path: Path, sums: Any, grader: Any
) -> None:
    prompts = sums(30)
    arguments = (ScriptedBackend(ADDITION), [DifficultyAnnotator()], grader, tmp_path / "l", tmp_path / "o")
    assert distill(prompts, *arguments).calls == 30
    prompts[7] = Prompt("new", (Message("user", "900+99=?"),), reference="999")
    assert distill(prompts, *arguments).calls == 1


def test_a_changed_parser_never_pays_again(tmp_path: Path, sums: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = (ScriptedBackend(ADDITION), [DifficultyAnnotator(repairs=0)], None, tmp_path / "l", tmp_path / "o")
    distill(sums(10), *arguments)
    monkeypatch.setattr("teachers.annotators.difficulty.HARDEST", 1)
    summary = distill(sums(10), *arguments)
    assert (summary.calls, summary.from_ledger) == (0, 10)
    assert summary.problems > 0


def test_prompts_are_read_as_a_stream(tmp_path: Path, sums: Any) -> None:
    taken = 0

    def endless() -> Any:
        nonlocal taken
        for prompt in sums(5_000):
            taken += 1
            if taken == 3_000:
                raise DataError("row 3000 is broken")
            yield prompt

    limits = Limits(in_flight=4)
    with pytest.raises(DataError, match="row 3000 is broken"):
        distill(
            endless(), ScriptedBackend(ADDITION), [DifficultyAnnotator()], None, tmp_path / "l", tmp_path / "o", limits
        )
    assert not (tmp_path / "o").exists()
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.totals().replies > 2_999 - 4 * 4 - 256  # all that was sent before is saved


def test_a_prompt_that_cannot_be_graded_is_refused_before_it_is_paid_for(tmp_path: Path, grader: Any) -> None:
    prompts = [Prompt("p", (Message("user", "1+1=?"),))]
    with pytest.raises(DataError, match="reference"):
        distill(prompts, ScriptedBackend(ADDITION), [RationaleAnnotator()], grader, tmp_path / "l", tmp_path / "o")
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.totals().replies == 0


def broken(request: Request) -> str:
    if "101+" in request.messages[-1].content:
        raise ZeroDivisionError("the script is broken")
    return "Answer: 1"


def test_an_error_of_the_function_is_a_listed_failure(tmp_path: Path, sums: Any) -> None:
    module = type(sys)("teachers_broken_answers")
    module.answer = broken
    sys.modules["teachers_broken_answers"] = module
    backend = ScriptedBackend("teachers_broken_answers:answer")
    with pytest.raises(PartialResult, match="ZeroDivisionError: the script is broken"):
        distill(sums(5), backend, [RationaleAnnotator()], None, tmp_path / "l", tmp_path / "o")


def test_a_mistake_in_an_annotator_names_the_prompt(tmp_path: Path, sums: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DifficultyAnnotator, "parse", lambda self, completion, prompt: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        distill(sums(3), ScriptedBackend(ADDITION), [DifficultyAnnotator()], None, tmp_path / "l", tmp_path / "o")
    assert caught.value.__notes__ == ["while DifficultyAnnotator worked on the prompt 'p100'"]


def test_half_characters_do_not_break_the_output(tmp_path: Path, sums: Any) -> None:
    module = type(sys)("teachers_half_answers")
    module.answer = lambda request: "half \ud83d here\nAnswer: 1"
    sys.modules["teachers_half_answers"] = module
    for name in ("a", "b"):
        arguments = ([RationaleAnnotator()], None, tmp_path / "l", tmp_path / name)
        distill(sums(2), ScriptedBackend("teachers_half_answers:answer"), *arguments)
    assert next(read_annotations(tmp_path / "a")).text == "half \ufffd here"
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([], "annotators must be at least one"),
        ([DifficultyAnnotator(), DifficultyAnnotator()], "each of another kind"),
        ([RationaleAnnotator(samples=3, max_asks=2)], "samples=3 and max_asks=2"),
        ([RationaleAnnotator(fresh_temperature=0)], "asking again would pay for the same text"),
        ([DifficultyAnnotator(template="no/such/file.txt")], "Cannot read the template no/such/file.txt"),
        (
            [JudgeAnnotator(), RationaleAnnotator()],
            r"JudgeAnnotator \(judgement\) has to read .*those write nothing",
        ),
        ([RationaleAnnotator(), JudgeAnnotator(of="rational")], "'rational', which.*those write 'rationale'"),
        ([RationaleAnnotator(), RevisionAnnotator()], "RevisionAnnotator .*has to read 'critique'"),
        ([RationaleAnnotator(), MergedCritiqueAnnotator()], "MergedCritiqueAnnotator .*has to read 'critique'"),
        ([RationaleAnnotator(), RubricGradeAnnotator()], "has to read 'rubric'"),
        ([RationaleAnnotator(), PairJudgeAnnotator(second="answer")], "has to read 'answer'"),
        ([NewPromptsAnnotator(["skills"])], "has to read 'skills'"),
        ([By("other", ScriptedBackend(ADDITION), JudgeAnnotator())], r"By \(judgement.other\) has to read 'rationale'"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, sums: Any, chosen: list[Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        distill(sums(1), ScriptedBackend(ADDITION), chosen, None, tmp_path / "l", tmp_path / "o")


def test_a_teacher_that_cannot_give_what_is_needed_is_refused(tmp_path: Path, sums: Any) -> None:
    class Needy(DifficultyAnnotator):
        needs = frozenset({"text", "log-probabilities"})

    with pytest.raises(ConfigError, match=r"Needy needs log-probabilities, which ScriptedBackend cannot give"):
        distill(sums(1), ScriptedBackend(ADDITION), [Needy()], None, tmp_path / "l", tmp_path / "o")


def test_ctrl_c_saves_what_is_in_flight(tmp_path: Path, loopback: Any) -> None:
    with loopback(latency_seconds=0.3) as provider:
        process = start(provider.openai_url, tmp_path, 400, 8)
        while sum(provider.received.values()) < 20:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert "lessons.errors.Stopped: Stopped by the user" in errors
        assert "Run the same command again to go on" in errors
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            assert ledger.totals().replies == sum(provider.calls.values()) == sum(provider.received.values())
        assert not (tmp_path / "lessons.parquet").exists()


def test_the_summary_counts_what_was_written(tmp_path: Path, sums: Any) -> None:
    summary = distill(sums(20), ScriptedBackend(ADDITION), annotators(), NumberGrader(), tmp_path / "l", tmp_path / "o")
    found = list(read_annotations(tmp_path / "o"))
    assert summary.annotations == len(found) == sum(summary.kinds.values())
    assert summary.trusted == sum(a.trusted for a in found)
    assert summary.dollars == 0.0
    assert summary.calls + summary.from_ledger == len({a.provenance.request_key for a in found})


def test_hosted_teachers_are_not_imported_by_the_package() -> None:
    program = (
        "import sys, teachers; print([m for m in sys.modules if m.split('.')[0] in ('torch', 'openai', 'anthropic')])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"
    assert OpenAIBackend("m").connection.client is None
