"""The recipes of the teacher's and the student's side run: asked, planned, trained for two updates, examined."""

from __future__ import annotations

import importlib
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonargparse import ArgumentParser
from lightning.pytorch import Trainer
from torch.optim import AdamW

import tutelage.course_steps
import tutelage.planning
from curricula import Curriculum
from lessons import ArithmeticSource, Attempt, Grade
from lessons.tables import write_attempts, write_prompts
from lightning_modules import CurriculumDataModule, Progress, StudentExport, SupervisedModule
from lightning_modules.cli import TRAINER_DEFAULTS
from students import CharacterTokenizer, RandomWeights, Student
from tests.in_this_process import read_course
from tutelage.command_line import run_function
from tutelage.commands.distill import distill
from tutelage.course import Course
from tutelage.course_steps import exam_step, pool_step
from tutelage.rounds import steps_of_round
from tutelage.steps import run_step

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
FOLDERS = ("critique", "logits", "preferences", "questions", "rationales")
FOUND = {
    path.relative_to(RECIPES).with_suffix("").as_posix(): path.read_text()
    for folder in FOLDERS
    for path in sorted((RECIPES / folder).glob("*.yaml"))
}
TOYS = [name for name, text in FOUND.items() if "lessons.ArithmeticSource" in text and "\narms:" in text]
OVERLAY = "for-real"
UPDATES = 2
GIVEN = ("student", "optimizer", "schedule")


def small_course(name: str) -> Course:
    """Read a recipe, with fewer prompts and short answers."""
    settings = yaml.safe_load(FOUND[name])
    for part, size in (("prompts", 24), ("exam", 3)):
        if "size" in settings[part]["init_args"]:
            settings[part]["init_args"]["size"] = size
    settings["training"]["lessons_per_update"] = 4
    settings["generation"]["max_new_tokens"] = 4
    path = Path("course.yaml")
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return read_course(path)


def train_briefly(course: Course, config: dict[str, Any], folder: Path) -> None:
    """Train an arm in this process, with as little parsing as can be: that took most of the time.

    That the training command reads every recipe's settings is tested in test_recipes.py.
    """
    student = Student(course.student.weights, adapter=course.student.adapter, precision="float32")
    module = module_of(config["model"], student)
    data = CurriculumDataModule(**{**config["data"]["init_args"], "rendering": course.arms[folder.name].rendering})
    settings = {**TRAINER_DEFAULTS, **config["trainer"], "max_steps": UPDATES, "enable_progress_bar": False}
    Trainer(**settings, accelerator="cpu", callbacks=[Progress(), StudentExport()]).fit(module, data)


def module_of(model: dict[str, Any], student: Student) -> SupervisedModule:
    """Build the module that an arm is trained with."""
    package, _, name = model["class_path"].rpartition(".")
    kind = getattr(importlib.import_module(package), name)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind, as_group=False, skip=set(GIVEN))
    own = {key: value for key, value in model["init_args"].items() if key not in GIVEN}
    return kind(
        student=student, optimizer=partial(AdamW, lr=1e-3), **vars(parser.instantiate(parser.parse_object(own)))
    )


def quickstart(folder: Path) -> None:
    """Leave in a folder what recipes read of the quickstart: here a student that has learnt nothing, and its exam."""
    letters = CharacterTokenizer("0123456789+=?: \nAnswer")
    weights = RandomWeights(hidden_size=96, layers=1, heads=4, max_positions=256, tokenizer=letters)
    Student(weights, precision="float32").export(folder / "round-000" / "rationales" / "student")
    exam = list(ArithmeticSource(size=3, part="exam", digits=2, fewest_digits=2).prompts())
    write_prompts(folder / "exam.parquet", exam)
    wrong = Grade(correct=False, score=0.0, answer="0", grader="number")
    attempts = [Attempt(prompt.id, "base model", "Answer: 0", grade=wrong) for prompt in exam]
    (folder / "exams" / "base").mkdir(parents=True)
    write_attempts(folder / "exams" / "base" / "attempts.parquet", attempts)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tutelage.planning, "draw", lambda curriculum, signals, path, title: path.touch())
    return monkeypatch


def test_the_guide_names_every_recipe_beside_its_method_and_no_other() -> None:
    """Those of curricula stand in a table of their own."""
    page = (RECIPES.parent / "docs" / "methods.md").read_text()
    tables = [table for table in page.split("\n\n") if table.startswith("| method | composition | recipe |")]
    cells = [row.rpartition(" | ")[2] for table in tables for row in table.splitlines()[2:]]
    named = {name for cell in cells for name in re.findall(r"`([a-z0-9/-]+)`", cell)} - {"curricula/"}
    found = {path.relative_to(RECIPES).with_suffix("").as_posix() for path in RECIPES.glob("**/*.yaml")}
    assert named == {name for name in found if not name.startswith("curricula/")} - {OVERLAY}


@pytest.mark.parametrize("name", TOYS)
def test_a_recipe_says_where_it_comes_from_what_is_ours_and_what_it_costs(name: str) -> None:
    head, _, settings = FOUND[name].partition("\nfolder: ")
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|no checked id", head)
    if "# Calls: " in head:
        assert "Exact" in head or "ur reading" in head
        assert f"tutelage course --config recipes/{name}.yaml" in head
        assert settings.startswith(f"runs/{name}\n")
        assert "# the control" in settings


@pytest.mark.slow
@pytest.mark.parametrize("name", TOYS)
def test_a_recipe_runs(name: str, here: pytest.MonkeyPatch) -> None:
    """Every arm is planned; the method's own is trained, and what it reads of another arm's student."""
    if "runs/quickstart" in FOUND[name]:
        quickstart(Path("runs/quickstart"))
    for first in re.findall(r"tutelage distill --config recipes/([a-z/-]+).yaml", FOUND[name]):
        words = ["--config", str(RECIPES / f"{first}.yaml"), "--prompts.size=8"]
        run_function(distill, "tutelage distill", words)
    course = small_course(name)
    here.setattr(tutelage.course_steps, "run_training", partial(train_briefly, course))
    read = re.findall(rf"{course.folder}/round-000/([\w-]+)/student", FOUND[name])
    trained = {*read, list(course.arms)[-1]}
    for step in (exam_step(course), pool_step(course), *steps_of_round(course, 0)):
        if step.folder.name in trained or step.name not in ("train", "evaluate"):
            run_step(step)
    if "# Calls: " in FOUND[name]:
        lengths = {len(Curriculum.read(course.round_folder(0) / arm).lesson_ids) for arm in course.arms}
        assert len({-(-length // 16) for length in lengths}) == 1, "every arm gets the control's number of updates"
    for arm in trained:
        folder = course.round_folder(0) / arm
        assert json.loads((folder / "training.json").read_text())["updates"] == UPDATES
        assert (folder / "report.json").exists()
