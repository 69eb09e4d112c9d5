"""Courses in the process of the test: to start one, and one for every training run, would take most of the time.

That a course trains in processes of its own is tested with the quickstart's recipe and in tests/tutelage/test_rounds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import tutelage.course_steps
from lessons.files import write_text
from lightning_modules.cli import train
from tutelage.command_line import make_parser
from tutelage.commands.course import course as course_command
from tutelage.course import Course
from tutelage.main import main

__all__ = ["read_course", "run_course", "train_here"]


def read_course(*configs: Path) -> Course:
    """Read a course as `tutelage course` does, of several files each laid over those before."""
    parser = make_parser(course_command, "tutelage course")
    words = [word for config in configs for word in ("--config", str(config))]
    built = vars(parser.instantiate(parser.parse_args(words)))
    built.pop("config")
    return Course(**built)


def train_here(config: dict[str, Any], folder: Path) -> None:
    """Train as a course does."""
    path = folder / "train.yaml"
    write_text(path, yaml.safe_dump(config, sort_keys=False))
    train(["fit", "--config", str(path)])


def run_course(config: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *overrides: str) -> dict[str, Any]:
    """Run `tutelage course` in the folder, and return the report of its first round."""
    monkeypatch.setattr(tutelage.course_steps, "run_training", train_here)
    monkeypatch.setattr(sys, "path", [*sys.path])  # the command adds the working folder
    assert main(["course", "--config", str(config), f"--folder={folder}", *overrides]) == 0
    assert (folder / "round-000" / "report.html").stat().st_size > 10_000
    report: dict[str, Any] = json.loads((folder / "round-000" / "report.json").read_text())
    return report
