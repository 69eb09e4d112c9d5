"""The recipe of REDI runs from start to end, on fewer lessons and a student that has learnt nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from students import CharacterTokenizer, RandomWeights, Student
from tests.in_this_process import run_course

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_wrong_solutions_are_set_against_right_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = yaml.safe_load((ROOT / "recipes/preferences/redi.yaml").read_text())
    letters = CharacterTokenizer("0123456789+=?: \nAnswer")
    weights = RandomWeights(hidden_size=32, layers=1, heads=2, max_positions=256, tokenizer=letters)
    Student(weights, precision="float32").export(tmp_path / "student")
    settings["student"]["weights"]["init_args"]["name_or_path"] = str(tmp_path / "student")
    settings["arms"] = {"redi": {**settings["arms"]["redi"], "passes": 1}}
    settings["prompts"]["init_args"]["size"], settings["exam"]["init_args"]["size"] = 96, 4
    settings |= {"examine_base": False, "examine_teacher": False, "folder": str(tmp_path / "course")}
    settings["generation"]["max_new_tokens"], settings["training"]["lessons_per_update"] = 4, 8
    (tmp_path / "course.yaml").write_text(yaml.safe_dump(settings))
    run_course(tmp_path / "course.yaml", tmp_path / "course", monkeypatch)
    assert "of 96 lessons are left out: they have no pair for RightAgainstWrong" in caplog.text
    facts = json.loads((tmp_path / "course/round-000/redi/training.json").read_text())
    assert facts["updates"] >= 2
    assert (tmp_path / "course/round-000/redi/student/model.safetensors").exists()
