"""A hand-made report with every part filled in, a tiny course, and the command as a process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from lessons.report_card import Cell, ReportCard
from tests.forked import Forker, Process
from tutelage.report.records import (
    AnnotationCount,
    ArmReport,
    Report,
    Sample,
    SampleAnswer,
    Spending,
    Training,
)

ROOT = Path(__file__).parents[2]


def cell(correct: int, total: int) -> Cell:
    return Cell.of([True] * correct + [False] * (total - correct))


def exam(author: str, easy: int, middle: int, hard: int, each: int = 100) -> ReportCard:
    return ReportCard(
        author=author,
        grader="number/1",
        confidence=0.95,
        prompts=3 * each,
        unanswered=0,
        overall=cell(easy + middle + hard, 3 * each),
        by_topic={"sums": cell(easy + middle, 2 * each), "long sums": cell(hard, each)},
        by_tier={"two digits": cell(easy, each), "three digits": cell(middle, each), "four digits": cell(hard, each)},
        truncated=3,
        tokens=41_234,
    )


@pytest.fixture
def report() -> Report:
    plan = "rationales, easy first"
    return Report(
        course="quickstart",
        round=0,
        arms=(
            ArmReport(
                "answers",
                "answers alone, shuffled",
                exam("answers", 41, 9, 1),
                Training(3000, 1200, 1_100_000, 220_000, 61.4, tuple((k, 3 / (1 + k / 40)) for k in range(1, 1200, 5))),
            ),
            ArmReport(
                "rationales",
                plan,
                exam("rationales", 97, 90, 71),
                Training(2987, 400, 1_090_000, 870_000, 58.9, tuple((k, 2.5 / (1 + k / 9)) for k in range(1, 400, 5))),
            ),
        ),
        others=(exam("base model", 0, 0, 0), exam("teacher", 100, 100, 100)),
        annotations=(
            AnnotationCount("rationale", 3100, 2987, 100, 13, 0),
            AnnotationCount("difficulty", 3000, 0, 0, 2, 2998),
        ),
        agreements=("difficulty and difficulty.second: the same label on 5 of 6 (43.6% to 97.0%).",),
        spending=(
            Spending("OpenAIBackend gpt-5-mini", 6100, 812_000, 904_000, 1.23, 4),
            Spending("other", 5, 50, 60, None, 5),
        ),
        verdicts=("rationales is better than answers: the intervals do not touch.",),
        samples=(
            Sample(
                "add-1",
                "What is 123 + 989? <script>alert(1)</script>",
                "1112",
                (
                    SampleAnswer("answers", "Answer: 1012", False, "1012"),
                    SampleAnswer(
                        "rationales", "3 + 9 = 12, write 2 carry 1\n2 + 8 + 1 = 11\nAnswer: 1112", True, "1112"
                    ),
                    SampleAnswer("teacher", "Answer: 1112", None, "1112"),
                ),
            ),
        ),
        former=(("round 0", (exam("answers", 1, 1, 1),)),),
        provenance={
            "finished": "2026-01-02 03:04",
            "seed": 0,
            "machine": {"cpu": "8 cores", "memory": "32 GB"},
            "versions": {"torch": "2.13.0"},
            "config": "folder: runs/quickstart\nseed: 0\n",
        },
    )


TINY_COURSE = """
prompts:
  class_path: lessons.ArithmeticSource
  init_args: {size: 48, digits: 2}
exam:
  class_path: lessons.ArithmeticSource
  init_args: {size: 16, digits: 2, part: exam}
grader: lessons.NumberGrader
teacher:
  class_path: teachers.ScriptedBackend
  init_args: {function: "teachers.programs.addition:answer"}
annotators: [teachers.RationaleAnnotator]
student:
  weights:
    class_path: students.RandomWeights
    init_args: {hidden_size: 32, layers: 1, heads: 2}
  precision: float32
generation: {max_new_tokens: 12, batch_size: 16}
training:
  lessons_per_update: 16
  optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 3.0e-3}}
  checkpoint: {every_updates: 1}
  trainer: {accelerator: cpu}
arms:
  answers:
    rendering: students.AnswerOnly
    passes: 2
  rationales:
    rendering: students.RationaleThenAnswer
    target: rationale
    signals: [curricula.Given]
    ordering: curricula.EasyFirst
    order_by: given_difficulty
"""


@pytest.fixture
def tiny_course(tmp_path: Path) -> Path:
    path = tmp_path / "course-settings.yaml"
    path.write_text(TINY_COURSE)
    return path


class Command:
    """Runs `tutelage` as a process of its own, in a folder of its own."""

    def __init__(self, folder: Path, programs: Forker) -> None:
        self.folder = folder
        self.programs = programs
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONPATH": str(ROOT)}
        self.environment.pop("TUTELAGE_DEBUG", None)

    def __call__(self, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.programs.run(
            "tutelage",
            [*map(str, words)],
            folder=self.folder,
            environment={**self.environment, **variables},
            children=children_of(words),
        )

    def start(self, *words: object) -> Process:
        return self.programs.start(
            "tutelage", [*map(str, words)], self.folder, self.environment, children=children_of(words)
        )


def children_of(words: Sequence[object]) -> int:
    """Return how many programs a command starts itself, in any test."""
    return 4 if words[0] in ("course", "doctor") else 0


@pytest.fixture
def tutelage(tmp_path: Path, programs: Forker) -> Command:
    return Command(tmp_path, programs)
