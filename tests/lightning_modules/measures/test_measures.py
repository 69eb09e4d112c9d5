from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lessons.errors import DataError
from lightning_modules import (
    CurriculumDataModule,
    FixedSetLoss,
    ProbeLosses,
    TrainingLosses,
)
from students import RationaleThenAnswer, Student, TwoTask
from students.scoring import Pair, score

Run = Callable[..., tuple[Any, CurriculumDataModule, Student]]


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
