"""Recipes of curricula, run in the process of the test: planned, and trained where something rests on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from curricula import Curriculum, SignalTable, read_signals
from curricula.state import unpack
from tests.in_this_process import read_course, train_here
from tutelage.course_steps import exam_step, pool_step
from tutelage.rounds import steps_of_round
from tutelage.steps import run_step

FOLDER = Path(__file__).parents[2] / "recipes" / "curricula"
Floats = NDArray[np.float64]


class Ran:
    """A recipe that was run in the current folder: every arm planned, the arms of `TRAINED` trained, no exams.

    Of a recipe that is not there, the last arm is trained for three updates.
    """

    def __init__(self, name: str) -> None:
        self.course = read_course(FOLDER / f"{name}.yaml")
        self.folder = self.course.round_folder(0)
        self.trained = TRAINED.get(name, list(self.course.arms)[-1:])
        for step in (exam_step(self.course), pool_step(self.course), *steps_of_round(self.course, 0)):
            if step.name != "evaluate" and (step.name != "train" or step.folder.name in self.trained):
                run_step(step)

    def plan(self, arm: str) -> Curriculum:
        return Curriculum.read(self.folder / arm)

    def signals(self, arm: str) -> SignalTable:
        return read_signals(self.folder / arm / "signals.parquet")

    def ids(self, arm: str) -> list[str]:
        return self.plan(arm).lesson_ids.tolist()

    def along(self, arm: str, name: str) -> Floats:
        """Return a signal's values along an arm's plan."""
        table = self.signals(arm)
        value = dict(zip(table.lesson_ids.tolist(), table.column(name).values.tolist(), strict=True))
        return np.array([value[lesson] for lesson in self.ids(arm)])

    def states(self, arm: str) -> list[Any]:
        """Return what a plan that hears held at the end of the training: [update, state]."""
        path = self.folder / arm / "checkpoints" / "last.ckpt"
        saved = torch.load(path, weights_only=True)["CurriculumDataModule"]
        return [(update, unpack(state)) for update, state in saved["timetable"]["states"]]

    def heard(self, arm: str) -> list[dict[str, float]]:
        return [json.loads(line) for line in (self.folder / arm / "logs" / "feedback.jsonl").read_text().splitlines()]


BRIEFLY = 3  # updates
TRAINED = {  # arms whose student scores for another, and arms whose plan hears
    "composed-parts": ["more-and-more"],
    "cyclical": ["plain"],
    "data-diets": ["data-diet"],
    "deepdistill": ["random"],
    "degree-curriculum": ["degree"],
    "delift": ["random-share"],
    "diversify-and-conquer": ["diversify-and-conquer"],
    "gain-rl": ["gaussian"],
    "ifd": ["random-share"],
    "instruct-mining": ["random-share"],
    "iter-select-tune": ["everything"],
    "lobass": ["everything"],
    "multistage-filtering": ["skip-easy"],
    "paprika": ["paprika"],
    "re-ranking-weights": ["easy-weighs-more"],
    "reverse-curriculum": ["reverse"],
    "self-paced": ["self-paced"],
    "skill-it": ["skill-it"],
    "success-near-half": ["random"],
    "tapir-selection": ["random"],
}


def train_as_long_as_needed(config: dict[str, Any], folder: Path) -> None:
    """Train as the course does. Where no plan needs what the student has learnt, three updates show that it can."""
    if folder.parents[1].name not in TRAINED:
        config["trainer"]["max_steps"] = BRIEFLY
    train_here(config, folder)


def check_recipe(check: Callable[[Ran], None]) -> None:
    """Run the recipe that a check is named after, in the current folder, and check it."""
    name = name_of(check)
    ran = Ran(name)
    updates = {-(-len(ran.ids(arm)) // ran.course.training.lessons_per_update) for arm in ran.course.arms}
    assert len(updates) == 1, "every arm gets the control's number of updates"
    check(ran)
    for arm in ran.trained:
        facts = json.loads((ran.folder / arm / "training.json").read_text())
        assert {facts["updates"]} == (updates if name in TRAINED else {BRIEFLY})
        assert facts["final_loss"] < facts["first_loss"]


def name_of(check: Callable[[Ran], None]) -> str:
    """Return the recipe that a check is named after."""
    return check.__name__.replace("_", "-")


def runs_of(values: Floats) -> list[tuple[float, int]]:
    return [(value, len(list(same))) for value, same in groupby(values.tolist())]


def rises(values: Floats) -> bool:
    return bool((np.diff(values) >= 0).all())
