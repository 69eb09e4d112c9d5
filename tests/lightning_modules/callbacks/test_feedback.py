from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hearing import Neediest
from lightning.pytorch import Callback

from curricula import EasyFirst, Feedback, Given, HardFirst, History, measure, plan, write_signals
from curricula.history import read_history
from lessons.errors import ConfigError, DataError
from lessons.files import write_text
from lessons.lesson_set import LessonSet
from lightning_modules import CurriculumDataModule, CurriculumFeedback, ProbeLosses, SupervisedModule, TrainingLosses
from lightning_modules.callbacks import RunFolder, UpdateCheckpoint
from lightning_modules.callbacks.feedback import joined
from lightning_modules.measures import Figures
from students import Student


@pytest.fixture(scope="module")
def heard(round_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan of 12 updates of 4 lessons that hears the student, on the lessons of the round."""
    folder = tmp_path_factory.mktemp("heard")
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    made = plan(
        lessons, [Given()], EasyFirst(), order_by="given_difficulty", minimum_length=48, seed=3,
        mixture=Neediest(), lessons_per_update=4,
    )  # fmt: skip
    made.curriculum.write(folder)
    write_signals(folder / "signals.parquet", made.signals)
    return folder


class Record(Callback):
    """Keeps the lessons and the loss of every update."""

    def __init__(self) -> None:
        self.lessons: list[list[str]] = []
        self.losses: list[float] = []
        self.waiting: list[str] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.waiting += batch.plan.lesson_ids
        if batch.plan.closes_update:
            self.lessons.append(sorted(self.waiting))
            self.losses.append(float(pl_module.update_loss))
            self.waiting = []


Fit = Callable[..., Record]


@pytest.fixture
def follow(
    heard: Path, tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any],
    tmp_path: Path,
) -> Fit:  # fmt: skip
    def run(feedback: CurriculumFeedback | None, resume: Path | None = None, **settings: Any) -> Record:
        seen, workers = Record(), settings.pop("workers", 0)
        callbacks = [seen, *([feedback] if feedback else []), UpdateCheckpoint(every_updates=1)]
        built = trainer(
            *callbacks,
            enable_checkpointing=True,
            accumulate_grad_batches=2,
            default_root_dir=tmp_path / "run",
            **settings,
        )
        module = SupervisedModule(tiny(), lambda parameters: torch.optim.SGD(parameters, lr=0.5))
        built.fit(module, data(4, curriculum=str(heard), workers=workers), ckpt_path=resume)
        return seen

    return run


def feedback(every: int = 2) -> CurriculumFeedback:
    return CurriculumFeedback(every, [TrainingLosses()])


def test_training_follows_what_the_plan_hears(follow: Fit, tmp_path: Path) -> None:
    seen = follow(feedback())
    first_round = [name for update in seen.lessons[:6] for name in update]
    assert len(first_round) == 24
    assert len(set(first_round)) >= 20  # those never measured come first, but the plan hears only every other update
    other = follow(CurriculumFeedback(3, [TrainingLosses()]))
    assert other.lessons[:2] == seen.lessons[:2]
    assert other.lessons != seen.lessons
    lines = [json.loads(line) for line in RunFolder(tmp_path / "run").feedback.read_text().splitlines()]
    assert [line["update"] for line in lines] == [3, 6, 9, 12]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_draws_the_same_lessons_and_finds_the_same_losses(
    follow: Fit, tmp_path: Path, workers: int
) -> None:
    folder = RunFolder(tmp_path / "run")
    whole = follow(feedback(), workers=workers)
    history = read_history(str(folder.history))
    for stop in (3, 6):
        started = follow(feedback(), workers=workers, max_steps=stop)
        assert started.lessons == whole.lessons[:stop]
        assert len(list(folder.history.iterdir())) == stop // 2  # a new run forgets the old one's history
        write_text(folder.history / "000000011.parquet", "measured after the checkpoint, and not yet known to it")
        resumed = follow(feedback(), folder.checkpoint, workers=workers)
        assert resumed.lessons == whole.lessons[stop:]
        assert resumed.losses == whole.losses[stop:]
        assert read_history(str(folder.history)).equals(history)


def test_what_was_measured_of_each_lesson_is_a_signal_of_the_next_plan(
    follow: Fit, round_folder: Path, tmp_path: Path
) -> None:
    told: dict[str, list[tuple[int, float, float]]] = {}

    class Listening(CurriculumFeedback):
        """Keeps, by lesson, the update and both figures of every feedback, as the plan heard them."""

        def write(self, folder: RunFolder, feedback: Feedback, lesson_ids: Any, is_global_zero: bool) -> None:
            super().write(folder, feedback, lesson_ids, is_global_zero)
            figures = (feedback.lessons["training_loss"].tolist(), feedback.lessons["loss"].tolist())
            for place, trained, probed in zip(feedback.places.tolist(), *figures, strict=True):
                told.setdefault(str(lesson_ids[place]), []).append((feedback.update, trained, probed))

    follow(Listening(3, [TrainingLosses(), ProbeLosses(size=5)]))
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    path = str(RunFolder(tmp_path / "run").history)
    table = measure(lessons, [
        History(path, "training_loss"), History(path, "training_loss", "last_seen"), History(path, "loss", "deviation"),
    ])  # fmt: skip
    for lesson, mean, seen, deviation in zip(lessons.ids, *map(table.scores, table.columns), strict=True):
        visits = told.get(lesson, [])
        trained = [loss for _, loss, _ in visits if not np.isnan(loss)]
        probed = [loss for _, _, loss in visits if not np.isnan(loss)]
        assert mean == pytest.approx(np.mean(trained) if trained else np.nan, nan_ok=True)
        last = [update for update, loss, _ in visits if not np.isnan(loss)]
        assert seen == pytest.approx(last[-1] if last else np.nan, nan_ok=True)
        assert deviation == pytest.approx(np.std(probed) if probed else np.nan, nan_ok=True)
    assert (~np.isnan(table.scores("loss_deviation"))).sum() == 5
    made = plan(lessons, [History(path, "training_loss")], HardFirst("last"), order_by="training_loss_mean").curriculum
    known = made.score[~np.isnan(made.score)]
    assert len(known) >= 12
    assert (np.diff(known) <= 0).all()


def test_workers_delay_what_is_heard_by_as_much_as_they_are_ahead(
    data: Callable[..., CurriculumDataModule], heard: Path
) -> None:
    assert [data(4, curriculum=str(heard), workers=workers).delay for workers in (0, 1, 3)] == [0, 2, 6]


def test_a_plan_that_hears_needs_something_measured(follow: Fit) -> None:
    with pytest.raises(ConfigError, match=r"changes with the student, but nothing is measured.*feedback.measures"):
        follow(None)
    with pytest.raises(ConfigError, match=r"changes with the student, but nothing is measured"):
        follow(CurriculumFeedback(2, []))
    with pytest.raises(ConfigError, match=r"feedback.every_updates is 0; allowed is 1 or more"):
        follow(feedback(0))


def test_a_plan_that_hears_needs_its_signals(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], heard: Path, tmp_path: Path
) -> None:
    for name in ("curriculum.parquet", "curriculum.json"):
        (tmp_path / name).write_bytes((heard / name).read_bytes())
    with pytest.raises(DataError, match=r"hears the student, so training needs its signals.parquet"):
        data(4, curriculum=str(tmp_path)).build(tiny().encoder)
    with pytest.raises(ConfigError, match=r"draws 4 lessons an update, training wants 8"):
        data(8, curriculum=str(heard)).build(tiny().encoder)


def test_figures_of_several_measures_are_joined_by_lesson() -> None:
    one = Figures({"a": 1.0}, np.array([2, 5]), {"loss": np.array([0.2, 0.5])})
    two = Figures({}, np.array([1, 5]), {"rate": np.array([0.1, 0.5])})
    found = joined(7, [one, two])
    assert found.places.tolist() == [1, 2, 5]
    assert found.lessons["loss"].tolist() == pytest.approx([np.nan, 0.2, 0.5], nan_ok=True)
    assert found.lessons["rate"].tolist() == pytest.approx([0.1, np.nan, 0.5], nan_ok=True)
    with pytest.raises(ConfigError, match="Two measures give the figure 'a'"):
        joined(7, [one, one])


@pytest.mark.slow
def test_two_processes_hear_the_same_and_draw_what_one_draws(
    run: Any, settings: dict[str, Any], heard: Path, tmp_path: Path
) -> None:
    changed = copy.deepcopy(settings)
    changed["data"] |= {"curriculum": str(heard), "lessons_per_update": 4}
    names = ("TrainingLosses", "ProbeLosses", "ProbeErrors", "ProbeNuclearNorms")
    measures: list[dict[str, Any]] = [{"class_path": f"lightning_modules.{name}"} for name in names]
    tries = {"grader": "lessons.NumberGrader", "recent": True, "generation": {"max_new_tokens": 2}}
    measures.append({"class_path": "lightning_modules.PassRates", "init_args": tries})
    changed["feedback"] = {"every_updates": 2, "measures": measures}
    changed["trainer"]["precision"] = "64-true"
    run(changed, tmp_path / "one")
    run(changed, tmp_path / "two", "--trainer.devices=2", "--trainer.strategy=ddp")
    drawn = []
    for name, ranks in (("one", 1), ("two", 2)):
        folder = RunFolder(tmp_path / name)
        logs = [[json.loads(line) for line in folder.batches(rank).read_text().splitlines()] for rank in range(ranks)]
        drawn.append([sorted(n for log in logs for piece in log[k]["micro_batches"] for n in piece) for k in range(12)])
    assert drawn[0] == drawn[1]
    heard_by = [
        [json.loads(line) for line in RunFolder(tmp_path / name).feedback.read_text().splitlines()]
        for name in ("one", "two")
    ]
    for one, two in zip(*heard_by, strict=True):
        assert one == pytest.approx(two, rel=1e-9)


def test_probes_see_the_student_as_it_is(follow: Fit, tmp_path: Path) -> None:
    follow(CurriculumFeedback(4, [TrainingLosses(), ProbeLosses(size=5)]))
    lines = [json.loads(line) for line in RunFolder(tmp_path / "run").feedback.read_text().splitlines()]
    assert [line["update"] for line in lines] == [4, 8, 12]
    assert lines[-1]["probe_loss"] < lines[0]["probe_loss"]
