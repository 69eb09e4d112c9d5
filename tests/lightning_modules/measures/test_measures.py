from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback

from lessons.errors import DataError
from lessons.grading import Grader
from lessons.records import Grade, Prompt
from lightning_modules import (
    CurriculumDataModule,
    FixedSetLoss,
    PassRates,
    ProbeLosses,
    SupervisedModule,
    TrainingLosses,
)
from lightning_modules.measures import Figures, Measure
from students import Generation, RationaleThenAnswer, Student, TwoTask
from students.scoring import Pair, score


class Watch(Callback):
    """Lets a measure look on and measures after every update."""

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self.found: list[Figures] = []
        self.seen: list[dict[str, list[float]]] = []

    def on_train_start(self, trainer, pl_module) -> None:
        self.measure.prepare(trainer.datamodule)
        self.waiting: dict[str, list[float]] = {}

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.measure.note(pl_module, batch)
        row = batch.positions // batch.input_ids.shape[1]
        names = trainer.datamodule.batches.lessons.ids
        for k, lesson in enumerate(batch.plan.sequence_lessons):  # by hand, row by row
            found = pl_module.batch_losses[row == k]
            self.waiting.setdefault(names[lesson], []).extend(found.tolist())
        if batch.plan.closes_update:
            before = torch.get_rng_state()
            self.found.append(self.measure.measure(pl_module))
            assert torch.equal(torch.get_rng_state(), before)
            assert pl_module.training
            self.seen.append(self.waiting)
            self.waiting = {}


Run = Callable[..., tuple[Watch, CurriculumDataModule, Student]]


@pytest.fixture
def run(tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any]) -> Run:
    def go(measure: Measure, max_steps: int = 2, **settings: Any) -> tuple[Watch, CurriculumDataModule, Student]:
        watch, module = Watch(measure), data(8, **settings)
        student = tiny()
        lit = SupervisedModule(student, lambda parameters: torch.optim.SGD(parameters, lr=0.5))
        trainer(watch, accumulate_grad_batches=2, max_steps=max_steps).fit(lit, module)
        return watch, module, student

    return go


def test_training_losses_are_the_means_by_lesson(run: Run) -> None:
    watch, module, _ = run(TrainingLosses(), 5, rendering=TwoTask())
    for figures, seen in zip(watch.found, watch.seen, strict=True):
        names = [module.lessons_of_plan.ids[place] for place in figures.places]
        expected = [float(np.mean(seen[name])) for name in names]
        assert set(names) == set(seen)
        assert figures.lessons["training_loss"].tolist() == pytest.approx(expected, rel=1e-6)
        assert figures.metrics["training_loss"] == pytest.approx(np.mean(expected), rel=1e-6)


def test_training_losses_between_two_feedbacks_survive_a_checkpoint(run: Run) -> None:
    measure = TrainingLosses()
    watch, _, _ = run(measure, 1)
    measure.sums = np.random.default_rng(0).random(measure.sums.shape)
    state, other = measure.state_dict(), TrainingLosses()
    other.load_state_dict(state)
    assert np.array_equal(other.sums, measure.sums)
    assert watch.found


def test_probe_losses_are_the_students_own(run: Run) -> None:
    watch, module, student = run(ProbeLosses(size=6, tokens_per_batch=200), 3)
    figures = watch.found[-1]
    assert len(figures.places) == 6
    exercises = [RationaleThenAnswer().exercises(lesson)[0] for lesson in module.lessons_of_plan.at(figures.places)]
    expected = score(student, [Pair(e.messages, e.answer) for e in exercises]).mean_nll
    assert figures.lessons["loss"].tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    assert figures.metrics["probe_loss"] == pytest.approx(float(expected.mean()), rel=1e-5)
    assert watch.found[0].places.tolist() == figures.places.tolist()
    assert watch.found[0].metrics["probe_loss"] > figures.metrics["probe_loss"]


def test_probes_by_group_need_the_plans_signals(run: Run) -> None:
    with pytest.raises(DataError, match=r"signal 'topic' was asked for, but no signals.parquet lies in"):
        run(ProbeLosses(by="topic"))


def test_the_fixed_set_tells_how_far_its_loss_rose_above_its_lowest(run: Run, round_folder: Path) -> None:
    prompts, annotations = str(round_folder / "prompts.parquet"), str(round_folder / "lessons.parquet")
    measure = FixedSetLoss(prompts, RationaleThenAnswer(), annotations, "rationale", name="earlier")
    watch, module, student = run(measure, 4)
    losses = [figures.metrics["earlier_loss"] for figures in watch.found]
    lowest = np.minimum.accumulate(losses)
    assert [f.metrics["earlier_rise"] for f in watch.found] == pytest.approx((losses - lowest).tolist())
    exercises = [RationaleThenAnswer().exercises(lesson)[0] for lesson in module.lessons_of_plan]
    expected = score(student, [Pair(e.messages, e.answer) for e in exercises]).mean_nll.mean()
    assert losses[-1] == pytest.approx(expected, rel=1e-5)
    other = FixedSetLoss("x", RationaleThenAnswer())
    other.load_state_dict(measure.state_dict())
    assert other.lowest == min(losses)


class LongAnswers(Grader):
    """Marks right what has two characters or more."""

    name = "long/1"

    def grade(self, text: str, prompt: Prompt) -> Grade:
        return Grade(len(text) > 1, float(len(text) > 1), text, self.name)


def test_pass_rates_are_those_of_an_exam(run: Run) -> None:
    from students import sit

    generation = Generation(max_new_tokens=3, temperature=1.0)
    watch, module, student = run(PassRates(LongAnswers(), 5, samples=3, generation=generation), 1)
    figures = watch.found[-1]
    prompts = [lesson.prompt for lesson in module.lessons_of_plan.at(figures.places)]
    attempts = sit(student, prompts, LongAnswers(), generation, samples=3)
    right = np.array([a.grade is not None and a.grade.correct for a in attempts]).reshape(5, 3).mean(axis=1)
    assert figures.lessons["pass_rate"].tolist() == right.tolist()
    assert figures.metrics == {"pass_rate": float(right.mean())}
