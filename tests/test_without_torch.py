"""Whoever only calls hosted teachers installs no torch: distill and plan work where it cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BLOCKED = ("torch", "transformers", "lightning", "peft", "datasets", "reasoning_gym", "openai", "anthropic")
PROGRAM = (
    f"import sys\nfor name in {BLOCKED}: sys.modules[name] = None\nfrom tutelage.main import main\nsys.exit(main())"
)

DISTILL = """
prompts: {class_path: lessons.ArithmeticSource, init_args: {size: 20}}
grader: {class_path: lessons.NumberGrader}
teacher: {class_path: teachers.ScriptedBackend, init_args: {function: "teachers.programs.addition:answer"}}
annotators: [{class_path: teachers.RationaleAnnotator}, {class_path: teachers.DifficultyAnnotator}]
"""
PLAN = """
target: rationale
signals: [{class_path: curricula.TeacherLabel}]
ordering: {class_path: curricula.EasyFirst}
order_by: teacher_difficulty
"""


def run(folder: Path, settings: str, *arguments: str) -> None:
    (folder / "settings.yaml").write_text(settings)
    command = [sys.executable, "-c", PROGRAM, arguments[0], "--config", "settings.yaml", *arguments[1:]]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_distill_and_plan(tmp_path: Path) -> None:
    run(tmp_path, DISTILL, "distill", "--out", "round")
    given = ("--prompts", "round/prompts.parquet", "--annotations", "round/lessons.parquet")
    run(tmp_path, PLAN, "plan", "--out", "plan", *given)
    assert {path.name for path in (tmp_path / "plan").iterdir()} >= {"curriculum.parquet", "curriculum.png"}
