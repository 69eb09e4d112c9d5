"""The recipes that need neither a key nor a hub run from start to end, on fewer lessons."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from students import CharacterTokenizer, RandomWeights, Student
from tests.forked import Forker
from tests.in_this_process import run_course

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_quickstart(tmp_path: Path) -> None:
    """The one that is run as everybody runs it: by the command, which trains in processes of its own."""
    small = ("--prompts.size=96", "--exam.size=20", "--arms.answers.passes=2", "--arms.rationales.passes=1")
    command = [sys.executable, "-m", "tutelage", "course", "--config", "recipes/quickstart.yaml"]
    done = subprocess.run(
        [*command, f"--folder={tmp_path / 'course'}", *small], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "course/round-000/report.html").stat().st_size > 10_000
    trained = {
        arm: json.loads((tmp_path / "course/round-000" / arm / "training.json").read_text())
        for arm in ("answers", "rationales")
    }
    assert {arm: facts["updates"] for arm, facts in trained.items()} == {"answers": 6, "rationales": 3}
    for facts in trained.values():
        assert facts["final_loss"] < facts["first_loss"]


@pytest.mark.slow
def test_a_plan_that_hears_the_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_course(
        ROOT / "recipes/curricula/skill-it.yaml", tmp_path / "course", monkeypatch, "--prompts.size=64", "--exam.size=4"
    )
    arm = tmp_path / "course/round-000/skill-it"
    assert len((arm / "logs/feedback.jsonl").read_text().splitlines()) == 3
    assert json.loads((arm / "training.json").read_text())["updates"] == 16


@pytest.mark.slow
@pytest.mark.shared_data
def test_recorded_rationales(tmp_path: Path, programs: Forker) -> None:
    small = (
        "--prompts.limit=24",
        "--exam.limit=2",
        "--generation.max_new_tokens=4",
        "--training.lessons_per_update=4",
        "--arms.rationales.passes=0.5",
    )
    course = ("course", "--config", "recipes/recorded-rationales.yaml", f"--folder={tmp_path / 'course'}", *small)
    done = programs.run("tutelage", course, folder=ROOT, children=1)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "course/round-000/report.html").stat().st_size > 10_000
    facts = json.loads((tmp_path / "course/round-000/rationales/training.json").read_text())
    assert facts["final_loss"] < facts["first_loss"]


@pytest.mark.slow
def test_logit_distillation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    (tmp_path / "course.yaml").write_text(yaml.safe_dump(settings))
    run_course(tmp_path / "course.yaml", tmp_path / "course", monkeypatch)
    folder = tmp_path / "course" / "round-000"
    facts = {arm: json.loads((folder / arm / "training.json").read_text()) for arm in settings["arms"]}
    assert {arm: found["updates"] for arm, found in facts.items()} == {"answers": 4, "rationales": 4, "logits": 4}
    for found in facts.values():
        assert found["final_loss"] < found["first_loss"]
    assert (folder / "logits" / "student" / "model.safetensors").exists()


@pytest.mark.slow
def test_on_policy_distillation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last arm, with a teacher, a student and held-out lessons that have learnt nothing in place of real ones."""
    settings = yaml.safe_load((ROOT / "recipes" / "on-policy-distillation.yaml").read_text())
    arm = settings["arms"]["distillm"]
    settings["arms"] = {"distillm": arm | {"passes": 1}}
    letters = CharacterTokenizer("0123456789+=?: \nAnswer")
    for name, width in (("teacher", 48), ("student", 32)):
        weights = RandomWeights(hidden_size=width, layers=1, heads=2, max_positions=256, tokenizer=letters)
        Student(weights, precision="float32").export(tmp_path / name)
    settings["student"]["weights"]["init_args"]["name_or_path"] = str(tmp_path / "student")
    folder, module = tmp_path / "course" / "round-000", arm["training"]["module"]["init_args"]
    module["teacher"]["weights"]["init_args"]["name_or_path"] = str(tmp_path / "teacher")
    module["sampling"]["max_new_tokens"] = 8
    share = module["student_share"]["init_args"]
    share |= {"start": 1.0, "every_updates": 1}
    share["measure"]["init_args"]["prompts"] = str(folder / "prompts.parquet")
    share["measure"]["init_args"]["annotations"] = str(folder / "lessons.parquet")
    settings["prompts"]["init_args"]["size"], settings["exam"]["init_args"]["size"] = 64, 4
    settings["generation"]["max_new_tokens"] = 4
    (tmp_path / "course.yaml").write_text(yaml.safe_dump(settings))
    run_course(tmp_path / "course.yaml", tmp_path / "course", monkeypatch)
    facts = json.loads((folder / "distillm" / "training.json").read_text())
    assert facts["updates"] == 2
    assert 64 <= facts["supervised_tokens"] <= 8 * 64  # of answers: the texts have several times as many
    assert (folder / "distillm" / "student" / "model.safetensors").exists()


@pytest.mark.slow
def test_a_teacher_with_other_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last arm, with a teacher of the quickstart's shape that has learnt nothing."""
    settings = yaml.safe_load((ROOT / "recipes" / "cross-tokenizer.yaml").read_text())
    arm = settings["arms"]["across"] | {"passes": 2}
    settings["arms"] = {"across": arm}
    letters = CharacterTokenizer("0123456789+=?: \nAnswer")
    weights = RandomWeights(hidden_size=96, layers=3, heads=4, max_positions=256, tokenizer=letters)
    Student(weights, precision="float32").export(tmp_path / "teacher")
    taught = arm["training"]["module"]["init_args"]["teacher"]["weights"]
    taught["init_args"]["name_or_path"] = str(tmp_path / "teacher")
    settings["prompts"]["init_args"]["size"], settings["exam"]["init_args"]["size"] = 64, 4
    settings["generation"]["max_new_tokens"] = 4
    (tmp_path / "course.yaml").write_text(yaml.safe_dump(settings))
    run_course(tmp_path / "course.yaml", tmp_path / "course", monkeypatch)
    folder = tmp_path / "course" / "round-000" / "across"
    facts = json.loads((folder / "training.json").read_text())
    assert facts["updates"] == 4
    assert facts["final_loss"] < facts["first_loss"]
    assert (folder / "student" / "model.safetensors").exists()


@pytest.mark.slow
def test_learning_from_a_verifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of its arms, with a student that has learnt nothing and a grader that is pleased with any smallish number."""
    settings = yaml.safe_load((ROOT / "recipes" / "verified" / "online.yaml").read_text())
    settings["arms"] = {name: settings["arms"][name] | {"passes": 1} for name in ("nft", "dr-grpo")}
    letters = CharacterTokenizer("0123456789+=?: \nAnswer")
    weights = RandomWeights(hidden_size=32, layers=1, heads=2, max_positions=256, tokenizer=letters)
    Student(weights, precision="float32").export(tmp_path / "student")
    settings["student"]["weights"]["init_args"]["name_or_path"] = str(tmp_path / "student")
    for arm in settings["arms"].values():
        module = arm["training"]["module"]["init_args"]
        module["sampling"] = {"samples": 4, "max_new_tokens": 4}
        module["grader"]["init_args"] = {"tolerance": 1000}
    settings["prompts"]["init_args"]["size"], settings["exam"]["init_args"]["size"] = 64, 4
    settings["generation"]["max_new_tokens"] = 4
    (tmp_path / "course.yaml").write_text(yaml.safe_dump(settings))
    run_course(tmp_path / "course.yaml", tmp_path / "course", monkeypatch)
    for name in settings["arms"]:
        folder = tmp_path / "course" / "round-000" / name
        figures = [json.loads(line) for line in (folder / "logs" / "figures.jsonl").read_text().splitlines()]
        assert [line["update"] for line in figures] == [1, 2]
        assert all(0 < line["reward"] < 1 and 0 < line["one_sided"] < 1 and line["ratio"] == 1 for line in figures)
        assert json.loads((folder / "training.json").read_text())["supervised_tokens"] > 0
        assert (folder / "student" / "model.safetensors").exists()
