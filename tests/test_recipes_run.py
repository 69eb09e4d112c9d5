"""The recipes that need neither a key nor a hub run from start to end, on fewer lessons."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from students import CharacterTokenizer, RandomWeights, Student

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
def test_a_plan_that_hears_the_student(tmp_path: Path) -> None:
    run("curricula/skill-it", tmp_path / "course", "--prompts.size=64", "--exam.size=4")
    arm = tmp_path / "course/round-000/skill-it"
    assert len((arm / "logs/feedback.jsonl").read_text().splitlines()) == 2
    assert json.loads((arm / "training.json").read_text())["updates"] == 16


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


@pytest.mark.slow
def test_logit_distillation(tmp_path: Path) -> None:
    """With a teacher of the quickstart's shape that has learnt nothing, in place of the quickstart's own."""
    settings = yaml.safe_load((ROOT / "recipes" / "logit-distillation.yaml").read_text())
    shape = settings["student"]["weights"]["init_args"]
    recipe = CharacterTokenizer(shape["tokenizer"]["init_args"]["alphabet"])
    weights = RandomWeights(hidden_size=96, layers=3, heads=4, max_positions=256, tokenizer=recipe)
    Student(weights, precision="float32").export(tmp_path / "teacher")
    taught = settings["arms"]["logits"]["training"]["module"]["init_args"]["teacher"]["weights"]
    taught["init_args"]["name_or_path"] = str(tmp_path / "teacher")
    settings["prompts"]["init_args"]["size"], settings["exam"]["init_args"]["size"] = 64, 8
    settings["generation"]["max_new_tokens"] = 8
    for arm in settings["arms"].values():
        arm["passes"] = 2
    settings["folder"] = str(tmp_path / "course")
    (tmp_path / "course.yaml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "tutelage", "course", "--config", str(tmp_path / "course.yaml")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "course" / "round-000"
    facts = {arm: json.loads((folder / arm / "training.json").read_text()) for arm in settings["arms"]}
    assert {arm: found["updates"] for arm, found in facts.items()} == {"answers": 4, "rationales": 4, "logits": 4}
    for found in facts.values():
        assert found["final_loss"] < found["first_loss"]
    assert (folder / "logits" / "student" / "model.safetensors").exists()
