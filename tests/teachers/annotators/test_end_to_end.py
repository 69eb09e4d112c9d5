"""Annotators that solve, label or guide, each through a whole run with a teacher that is a program."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lessons.graders import NumberGrader
from lessons.records import Annotation, Message, Prompt
from lessons.tables import read_annotations
from teachers import (
    AnswerAnnotator,
    BloomAnnotator,
    DifficultyAnnotator,
    ExplanationAnnotator,
    GradeLevelAnnotator,
    GuidanceAnnotator,
    HintAnnotator,
    RationaleAnnotator,
    ReflectionAnnotator,
    ReplayBackend,
    ScriptedBackend,
    SkillsAnnotator,
    StepsAnnotator,
    StepVerdictsAnnotator,
    TaskTypeAnnotator,
    distill,
)
from teachers.backend import Request
from teachers.estimate import estimate

PROMPTS = [Prompt(f"p{k}", (Message("user", f"{k} + {k} = ?"),), reference=str(2 * k)) for k in range(10, 16)]
ANNOTATORS = [
    TaskTypeAnnotator(),
    SkillsAnnotator(),
    BloomAnnotator(),
    GradeLevelAnnotator(),
    DifficultyAnnotator(votes=3, temperature=0.7),
    RationaleAnnotator(samples=2, distinct=True),
    StepVerdictsAnnotator(),
    ReflectionAnnotator(),
    AnswerAnnotator(),
    ExplanationAnnotator(samples=2, by="task_type"),
    StepsAnnotator(),
    GuidanceAnnotator(),
    HintAnnotator(hints=2),
]


def answer(request: Request) -> str:
    """Answer a request of any kind about twice a number."""
    half = int(request.metadata["prompt"].question.split()[0])
    replies = {
        "task_type": "Type: arithmetic",
        "skills": "Skills: addition, doubling",
        "bloom": "A known procedure.\nLevel: 3",
        "grade_level": "Two digits.\nGrade: 2",
        "difficulty": f"Easy.\nDifficulty: {1 + request.sample}",
        "rationale": f"{half} + {half} = {2 * half}\n{'checked' * (request.sample > 0)}\nAnswer: {2 * half}",
        "step_verdicts": "Step 1: correct\nStep 2: correct",
        "reflection": f"Alternative: Double it.\nFollow-up: n + n = 2n.\nAnswer: {2 * half}",
        "answer": f"Answer: {2 * half}",
        "explanation": f"Twice {half}.\nAnswer: {2 * half}",
        "steps": f"1. Take {half}.\n2. Add it again.\nAnswer: {2 * half}",
        "guidance": "Understanding: A number is added to itself.\nPlan:\n1. Double the ones.\n2. Double the tens.",
        "hint": "Hint 1: Both are the same.\nHint 2: Double it.",
    }
    if request.metadata["kind"] == "rationale" and request.sample == 2:
        return f"2 * {half} = {2 * half}\nAnswer: {2 * half}"
    return replies[request.metadata["kind"]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The estimate of a run, its summary, what it wrote, and where."""
    module = ModuleType("teachers_twice")
    module.answer = answer  # type: ignore[attr-defined]
    sys.modules["teachers_twice"] = module
    folder: Path = tmp_path_factory.mktemp("run")
    arguments = (PROMPTS, ScriptedBackend("teachers_twice:answer"), ANNOTATORS, NumberGrader(), folder / "l")
    foreseen = estimate(*arguments)
    summary = distill(*arguments, folder / "o.parquet", progress=False)
    yield foreseen, summary, list(read_annotations(folder / "o.parquet")), folder / "o.parquet"
    del sys.modules["teachers_twice"]


def of(found: list[Annotation], kind: str) -> list[Annotation]:
    return [a for a in found if a.kind == kind and a.prompt_id == "p10"]


def test_every_annotator_writes_for_every_prompt_and_all_is_trusted(run: Any) -> None:
    _, summary, found, _ = run
    assert summary.kinds == {
        "task_type": 6, "skills": 6, "bloom": 6, "grade_level": 6, "difficulty": 6, "rationale": 18, "step_verdicts": 6,
        "reflection": 6, "answer": 6, "explanation": 12, "steps": 6, "guidance": 6, "hint": 6,
    }  # fmt: skip
    assert [(a.kind, a.problem) for a in found if not a.trusted] == [("rationale", "says the same as sample 0")] * 6
    assert all(not a.saw_reference for a in found)
    assert all(a.provenance.template.startswith(f"{a.kind}/1@") for a in found)


def test_typed_fields_survive_the_file(run: Any) -> None:
    _, _, found, _ = run
    assert of(found, "skills")[0].data == {"skills": ["addition", "doubling"]}
    assert of(found, "bloom")[0].data == {"level": 3, "name": "apply"}
    assert of(found, "grade_level")[0].data == {"grade": 2, "university": False}
    (difficulty,) = of(found, "difficulty")
    assert difficulty.data["votes"] == pytest.approx([0, 1 / 9, 2 / 9])
    assert difficulty.value == pytest.approx(1 / 9)
    assert of(found, "step_verdicts")[0].data["steps"] == ["10 + 10 = 20", "Answer: 20"]
    assert of(found, "step_verdicts")[0].data["first_wrong"] is None
    assert of(found, "reflection")[0].data == {"alternative": "Double it.", "follow_up": "n + n = 2n."}
    assert of(found, "steps")[0].data == {"steps": ["Take 10.", "Add it again."]}
    assert of(found, "guidance")[0].data["plan"] == ["Double the ones.", "Double the tens."]
    assert of(found, "hint")[0].data == {"hints": ["Both are the same.", "Double it."]}


def test_one_task_type_gets_one_set_of_instructions(run: Any) -> None:
    _, _, found, _ = run
    dealt = {(a.sample, a.data["instruction"]) for a in found if a.kind == "explanation"}
    assert len(dealt) == 2


def test_the_estimate_bounds_the_run(run: Any) -> None:
    foreseen, summary, _, _ = run
    assert foreseen.calls <= summary.calls <= foreseen.calls_at_most


def test_texts_whose_replies_can_be_put_together_again_are_replayed_from_the_table(run: Any, tmp_path: Path) -> None:
    _, _, found, table = run
    kinds = ("task_type", "grade_level", "rationale", "step_verdicts", "reflection", "explanation", "steps", "guidance")
    annotators = [annotator for annotator in ANNOTATORS if annotator.kind in kinds]
    replay = ReplayBackend(str(table))
    distill(PROMPTS, replay, annotators, NumberGrader(), tmp_path / "l", tmp_path / "o.parquet", progress=False)
    again = list(read_annotations(tmp_path / "o.parquet"))
    wanted = [a for a in found if a.kind in kinds]
    for one, other in zip(again, wanted, strict=True):
        assert (one.prompt_id, one.kind, one.sample, one.text) == (
            other.prompt_id,
            other.kind,
            other.sample,
            other.text,
        )
        assert (one.answer, one.trusted, one.problem) == (other.answer, other.trusted, other.problem)
        assert {**one.data, "subject": None} == {**other.data, "subject": None}  # a subject names its author
