"""The recipes that need neither a key nor a hub run from start to end, on fewer lessons."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(recipe: str, folder: Path, *overrides: str) -> dict[str, object]:
    command = [sys.executable, "-m", "tutelage", "course", "--config", f"recipes/{recipe}.yaml"]
    done = subprocess.run([*command, f"--folder={folder}", *overrides], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (folder / "round-000" / "report.html").stat().st_size > 10_000
    return json.loads((folder / "round-000" / "report.json").read_text())


@pytest.mark.slow
def test_quickstart(tmp_path: Path) -> None:
    small = ("--prompts.size=96", "--exam.size=20", "--arms.answers.passes=2", "--arms.rationales.passes=1")
    run("quickstart", tmp_path / "course", *small)
    trained = {
        arm: json.loads((tmp_path / "course/round-000" / arm / "training.json").read_text())
        for arm in ("answers", "rationales")
    }
    assert {arm: facts["updates"] for arm, facts in trained.items()} == {"answers": 6, "rationales": 3}
    for facts in trained.values():
        assert facts["final_loss"] < facts["first_loss"]


@pytest.mark.slow
@pytest.mark.shared_data
def test_recorded_rationales(tmp_path: Path) -> None:
    small = (
        "--prompts.limit=24",
        "--exam.limit=2",
        "--generation.max_new_tokens=4",
        "--training.lessons_per_update=4",
        "--arms.rationales.passes=0.5",
    )
    run("recorded-rationales", tmp_path / "course", *small)
    facts = json.loads((tmp_path / "course/round-000/rationales/training.json").read_text())
    assert facts["final_loss"] < facts["first_loss"]
