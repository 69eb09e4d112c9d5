from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import ConfigError, DataError, PartialResult
from lessons.tables import read_annotations
from teachers import DifficultyAnnotator, ScriptedBackend, distill

BROKEN: set[str] = set()


def answer(request: Any) -> str:
    if any(question in request.messages[-1].content for question in BROKEN):
        raise ZeroDivisionError("the script is broken")
    return "Difficulty: 3"


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> ScriptedBackend:
    module = type(sys)("teachers_failing_answers")
    module.answer = answer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "teachers_failing_answers", module)
    BROKEN.clear()
    return ScriptedBackend("teachers_failing_answers:answer")


def run(teacher: Any, prompts: Any, folder: Path, **more: Any) -> Any:
    return distill(prompts, teacher, [DifficultyAnnotator()], None, folder / "l", folder / "o", progress=False, **more)


def test_failures_are_listed_and_retried_alone(tmp_path: Path, sums: Any, teacher: ScriptedBackend) -> None:
    BROKEN.update({"103+", "107+"})
    with pytest.raises(PartialResult, match=r"2 annotations of 2 of 10 prompts.*with retry_failed: only that"):
        run(teacher, sums(10), tmp_path)
    listed = [json.loads(line) for line in (tmp_path / "failures.jsonl").read_text().splitlines()]
    assert [(f["prompt_id"], f["kind"], f["attempts"]) for f in listed] == [
        ("p103", "difficulty", 1),
        ("p107", "difficulty", 1),
    ]
    assert "ZeroDivisionError: the script is broken" in listed[0]["reason"]
    BROKEN.clear()
    summary = run(teacher, sums(10), tmp_path, retry_failed=True)
    assert (summary.calls, summary.from_ledger) == (2, 8)
    assert [a.prompt_id for a in read_annotations(tmp_path / "o")] == [prompt.id for prompt in sums(10)]
    assert not (tmp_path / "failures.jsonl").exists()


def test_nothing_new_is_asked_when_only_failures_are_retried(
    tmp_path: Path, sums: Any, teacher: ScriptedBackend
) -> None:
    BROKEN.add("103+")
    with pytest.raises(PartialResult):
        run(teacher, sums(5), tmp_path)
    BROKEN.clear()
    with pytest.raises(PartialResult, match="is not in the ledger, and only what failed before is asked"):
        run(teacher, sums(6), tmp_path, retry_failed=True)
    assert run(teacher, sums(6), tmp_path).calls == 1  # p103 was asked for, p105 was not


def test_a_missing_or_broken_list_is_refused(tmp_path: Path, sums: Any, teacher: ScriptedBackend) -> None:
    with pytest.raises(ConfigError, match=r"there is no .*failures.jsonl.*Leave retry_failed out"):
        run(teacher, sums(1), tmp_path, retry_failed=True)
    (tmp_path / "failures.jsonl").write_text('{"prompt_id": "p100"}\nnonsense\n')
    with pytest.raises(DataError, match=r"failures.jsonl, line 2 is no failure.*'nonsense'.*run without retry_failed"):
        run(teacher, sums(1), tmp_path, retry_failed=True)
