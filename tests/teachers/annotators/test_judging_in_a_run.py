"""All annotators that judge and make questions, in whole runs: on a program, with a second teacher, from a config."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lessons.graders import NumberGrader
from lessons.records import Annotation
from lessons.tables import read_annotations
from teachers import (
    Annotator,
    CandidateChoiceAnnotator,
    DialogueAnnotator,
    JudgeAnnotator,
    NewPromptsAnnotator,
    PairJudgeAnnotator,
    QualityAnnotator,
    RationaleAnnotator,
    Request,
    RubricAnnotator,
    RubricGradeAnnotator,
    ScriptedBackend,
    distill,
)
from teachers.annotators import By
from teachers.annotators.pair_judge import PositionBias, position_bias
from teachers.programs.addition import QUESTION, answer
from tutelage.main import main
from tutelage.settings import settings_of

NAME = "teachers_that_judge"
CRITERIA = ["right sum", "every column"]


def judge(request: Request) -> str | float:
    """Does every task of a teacher of additions, and of its student."""
    text, kind = request.messages[-1].content, request.metadata["kind"]
    if request.continuation is not None:
        return -5.0 + ("solution" in text)
    if kind == "rubric":
        criteria = [{"name": name, "description": "As said.", "weight": 2 - k} for k, name in enumerate(CRITERIA)]
        return json.dumps({"criteria": criteria})
    if kind == "rubric_grade":
        right = [{"criterion": name, "reason": "Seen.", "score": 5 - k} for k, name in enumerate(CRITERIA)]
        return f"```json\n{json.dumps({'grades': right})}\n```"
    if kind == "new_prompt":
        found = QUESTION.search(text)
        assert found is not None
        a, b = int(found[1]) * 10, int(found[2]) * 10
        return json.dumps({"questions": [{"question": f"{a}+{b}=?", "answer": str(a + b)}]})
    if kind == "dialogue":
        return "READY" if "Do not answer yet" in text else answer(request)
    fixed = {"quality": "Fine.\nQuality: 4", "judgement": "Fine.\nScore: 9", "preference": "Same.\nBetter: A"}
    return fixed.get(kind) or f"Try {request.sample + 1}:\n{answer(request)}"


def strict(request: Request) -> str:
    """Judges hard."""
    return "Dull.\nScore: 2"


@pytest.fixture(autouse=True)
def programs() -> None:
    module = type(sys)(NAME)
    module.judge, module.strict = judge, strict  # type: ignore[attr-defined]
    sys.modules[NAME] = module


def everything() -> list[Annotator]:
    student = ScriptedBackend(f"{NAME}:judge", version=2)
    return [
        RationaleAnnotator(samples=2, max_asks=4),
        RubricAnnotator(),
        RubricGradeAnnotator(),
        QualityAnnotator(max_texts=2),
        JudgeAnnotator(),
        By("second", ScriptedBackend(f"{NAME}:strict"), JudgeAnnotator()),
        PairJudgeAnnotator(),
        DialogueAnnotator(student),
        CandidateChoiceAnnotator(student, probe_count=2),
        NewPromptsAnnotator(["harder", "similar"], temperature=0.0),
    ]


def by_kind(path: Path) -> dict[str, list[Annotation]]:
    found: dict[str, list[Annotation]] = {}
    for annotation in read_annotations(path):
        found.setdefault(annotation.kind, []).append(annotation)
    return found


def test_a_run_of_all_is_complete_and_a_second_one_buys_nothing(tmp_path: Path, sums: Any) -> None:
    teacher, prompts = ScriptedBackend(f"{NAME}:judge"), sums(12)
    first = distill(prompts, teacher, everything(), NumberGrader(), tmp_path / "l", tmp_path / "o")
    found = by_kind(tmp_path / "o")
    assert set(found) == {
        "rationale", "rubric", "rubric_grade", "quality", "judgement", "judgement.second", "preference", "dialogue",
        "candidate_choice", "new_prompt",
    }  # fmt: skip
    times = {kind: Counter(a.prompt_id for a in annotations) for kind, annotations in found.items()}
    several = {"quality": 2, "candidate_choice": 2, "new_prompt": 2}
    assert all(times[kind] == {p.id: several.get(kind, 1) for p in prompts} for kind in times if kind != "rationale")
    assert {a.value for a in found["rubric_grade"]} == {(2 * 1.0 + 1 * 0.75) / 3}
    assert [a.value for a in found["judgement"]] == [8 / 9] * 12
    assert [a.value for a in found["judgement.second"]] == [1 / 9] * 12
    assert {a.provenance.model for a in found["judgement.second"]} == {f"{NAME}:strict"}
    again = distill(prompts, teacher, everything(), NumberGrader(), tmp_path / "l", tmp_path / "again")
    assert (first.problems, again.calls) == (12, 0)
    assert [a.problem is None for a in found["new_prompt"]] == [True, False] * 12  # "similar" repeats "harder" here
    assert position_bias(found["preference"]) == PositionBias(12, 0, shown_first_won=24, shown_second_won=0)
    assert (tmp_path / "o").read_bytes() == (tmp_path / "again").read_bytes()


def test_prompts_of_one_topic_share_one_rubric_and_its_call(tmp_path: Path, sums: Any) -> None:
    prompts = [replace(p, topic="sums" if k % 2 else "additions") for k, p in enumerate(sums(30))]
    teacher = ScriptedBackend(f"{NAME}:judge")
    summary = distill(prompts, teacher, [RubricAnnotator()], None, tmp_path / "l", tmp_path / "o")
    found = by_kind(tmp_path / "o")["rubric"]
    assert (summary.calls, len(found)) == (2, 30)
    assert len({a.provenance.request_key for a in found}) == 2
    assert [a.prompt_id for a in found] == [p.id for p in prompts]


def test_a_config_names_them_all(tmp_path: Path, sums: Any) -> None:
    made = tmp_path / "made.parquet"
    teacher = ScriptedBackend(f"{NAME}:judge")
    distill(sums(5), teacher, [NewPromptsAnnotator(["harder"], temperature=0.0)], None, tmp_path / "l", made)
    config = {
        "out": str(tmp_path / "out"),
        "prompts": {"class_path": "teachers.AnnotatedPrompts", "init_args": {"lessons": str(made)}},
        "teacher": {"class_path": "teachers.ScriptedBackend", "init_args": {"function": f"{NAME}:judge"}},
        "annotators": [settings_of(annotator) for annotator in everything()],
        "grader": {"class_path": "lessons.NumberGrader"},
    }
    path = tmp_path / "distill.yaml"
    path.write_text(yaml.safe_dump(config))
    assert main(["distill", "--config", str(path), "--dry_run=true"]) == 0
    assert main(["distill", "--config", str(path)]) == 0
    found = by_kind(tmp_path / "out" / "lessons.parquet")
    assert len(found) == 10
    assert {a.prompt_id for a in found["judgement"]} == {f"p{100 + k}/harder-0" for k in range(5)}
