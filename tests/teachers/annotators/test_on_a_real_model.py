"""Every annotator meets a real, small model once: whatever it writes becomes an annotation, and nothing raises."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import teachers.annotators
from lessons.graders import NumberGrader
from lessons.records import Annotation, Attempt, Message, Prompt
from lessons.tables import read_annotations, write_attempts, write_prompts
from teachers import Annotator, By, TransformersBackend, distill

TOKENS = 8
PROMPTS = [
    Prompt("eggs", (Message("user", "What is 2+3?"),), reference="5"),
    Prompt("apples", (Message("user", "What is 7-4?"),), reference="3"),
]
COMPARES = "PairwiseDifficultyAnnotator"
"""The only one that needs two prompts."""
FIRST = ("RationaleAnnotator", "AnswerAnnotator", "SkillsAnnotator", "TaskTypeAnnotator", "RubricAnnotator",
         "CritiqueAnnotator")  # fmt: skip
"""These go before the others, which build on what they write."""
ARGUMENTS: dict[str, dict[str, Any]] = {
    "CandidateChoiceAnnotator": {"student": "TEACHER", "trusted_only": False, "probe_count": 1},
    "DialogueAnnotator": {"student": "TEACHER", "turns": 1},
    "NewPromptsAnnotator": {"aims": ["harder"]},
    "PairJudgeAnnotator": {"first": "ATTEMPTS", "second": "ATTEMPTS"},
    "PrinciplesAnnotator": {"prompts": "PROMPTS"},
    "RationaleAnnotator": {"max_asks": 2, "answer_hint": True, "max_output_tokens": 32},
    "StrategyAnnotator": {"probes": 1},
}
"""What an annotator needs, or what makes it short. "TEACHER" stands for the model, "ATTEMPTS" for a file of attempts,
which is also given to all that take one as `attempts`, "PROMPTS" for a file of the prompts."""
MAY_BE_SILENT = {"candidate_choice", "merged_critique", "reflection", "revision", "rubric_grade"}
"""Kinds that rest on what was written before: a model this small may leave them nothing to work on."""


def build(name: str, teacher: TransformersBackend, attempts: str) -> Annotator:
    """Build an annotator that writes little, about the attempts of a file where it takes one."""
    kind = getattr(teachers.annotators, name)
    accepted = inspect.signature(kind).parameters
    short = {"max_output_tokens": TOKENS, "repairs": 0, "attempts": attempts}
    given = {key: value for key, value in short.items() if key in accepted} | ARGUMENTS.get(name, {})
    meant = {"TEACHER": teacher, "ATTEMPTS": attempts, "PROMPTS": str(Path(attempts).with_name("prompts.parquet"))}
    annotator: Annotator = kind(
        **{key: meant.get(value, value) if isinstance(value, str) else value for key, value in given.items()}
    )
    return annotator


@pytest.mark.slow
def test_whatever_a_small_model_writes_becomes_an_annotation(tmp_path: Path, smollm2_name: str) -> None:
    teacher = TransformersBackend(smollm2_name, batch_size=8, threads=1)
    attempts = str(tmp_path / "attempts.parquet")
    texts = [(prompt, f"I count.\nAnswer: {k}") for prompt in PROMPTS for k in (5, 6)]
    grader = NumberGrader()
    write_attempts(attempts, [Attempt(p.id, "student", text, grade=grader.grade(text, p)) for p, text in texts])
    write_prompts(tmp_path / "prompts.parquet", PROMPTS)
    names = [n for n in teachers.annotators.__all__ if n.endswith("Annotator") and n not in ("Annotator", COMPARES)]
    names.sort(key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    annotators = [build(name, teacher, attempts) for name in names]
    annotators.append(By("second", teacher, build("QualityAnnotator", teacher, attempts)))
    found: list[Annotation] = []
    for prompts, asked in ((PROMPTS[:1], annotators), (PROMPTS, [build(COMPARES, teacher, attempts)])):
        out = tmp_path / f"{len(prompts)}.parquet"
        summary = distill(prompts, teacher, asked, grader, tmp_path / "ledger.sqlite", out, progress=False)
        written = list(read_annotations(out))
        assert (summary.failures, summary.prompts, summary.annotations) == (0, len(prompts), len(written))
        silent = {annotator.kind for annotator in asked} - {a.kind for a in written}
        assert silent <= MAY_BE_SILENT
        found += written
    for annotation in found:
        assert annotation.text.strip() or annotation.problem or annotation.value is not None, annotation
        assert annotation.problem is None or len(annotation.problem) > 10
        assert annotation.provenance.model
