"""What courses need to run in a folder of their own, in the process of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

import tutelage.course_steps
import tutelage.planning
from tests.recipes.curriculum_run import train_as_long_as_needed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tutelage.course_steps, "run_training", train_as_long_as_needed)
    # Pictures would take half of the time.
    monkeypatch.setattr(tutelage.planning, "draw", lambda curriculum, signals, path, title: path.touch())
