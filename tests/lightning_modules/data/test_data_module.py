from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from curricula import Curriculum
from lessons.errors import CheckpointMismatch, ConfigError, RenderingError
from lightning_modules import CurriculumDataModule, SupervisedModule
from students import Student


def test_without_a_curriculum_every_lesson_comes_once_in_the_order_of_the_file(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student]
) -> None:
    batches = data(1, curriculum=None).build(tiny().encoder)
    assert [batches.numbered(k).plan.lesson_ids for k in range(len(batches))] == [(f"p{k}",) for k in range(21)]


def test_a_plan_for_other_lessons_is_refused(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], round_folder: Path, tmp_path: Path
) -> None:
    replace(Curriculum.read(round_folder), lessons_fingerprint="0" * 64).write(tmp_path)
    with pytest.raises(CheckpointMismatch, match="made for other lessons"):
        data(curriculum=str(tmp_path)).build(tiny().encoder)


def test_an_update_whose_lessons_all_weigh_nothing_is_refused(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], round_folder: Path, tmp_path: Path
) -> None:
    plan = Curriculum.read(round_folder)
    replace(plan, weight=np.where(np.arange(len(plan)) // 8 == 2, 0.0, 1.0)).write(tmp_path)
    with pytest.raises(
        ConfigError, match=r"update 2 have the weight 0 .* Every update needs .* Leave such lessons out"
    ):
        data(8, curriculum=str(tmp_path)).build(tiny().encoder)


def test_too_long_lessons_are_refused_or_dropped_as_asked(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RenderingError, match="at most 60 are allowed"):
        data(max_tokens=60, over_long="refuse").build(tiny().encoder)
    module = data(max_tokens=60)
    module.build(tiny().encoder)
    assert f"{module.dropped_lessons} of 21 lessons are longer than 60 tokens" in caplog.text


def test_a_module_without_a_student_is_told_what_is_missing(
    data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any]
) -> None:
    class Stranger(LightningModule):
        def training_step(self, batch: Any, batch_idx: int) -> None: ...

        def configure_optimizers(self) -> None: ...

    with pytest.raises(ConfigError, match=r"Stranger has no student .* attribute `student`"):
        trainer().fit(Stranger(), data())


def test_a_number_of_micro_batches_that_changes_is_refused(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], trainer: Callable[..., Any]
) -> None:
    with pytest.raises(ConfigError, match=r"GradientAccumulationScheduler changes .* Allowed is a constant"):
        trainer(GradientAccumulationScheduler({0: 2})).fit(SupervisedModule(tiny()), data())


@pytest.mark.parametrize(("settings", "meant"), [({"max_epochs": 2}, "2"), ({"max_epochs": -1}, "no limit")])
def test_a_plan_is_not_begun_again_at_its_end(
    data: Callable[..., CurriculumDataModule],
    tiny: Callable[..., Student],
    trainer: Callable[..., Any],
    settings: dict[str, int],
    meant: str,
) -> None:
    wanted = f"max_epochs is {meant}, but one epoch is the whole plan.*Allowed is trainer.max_epochs 1.*more passes"
    with pytest.raises(ConfigError, match=wanted):
        trainer(**settings).fit(SupervisedModule(tiny()), data())


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_starts_where_it_was_told_once(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], workers: int
) -> None:
    module = data(4, workers=workers)
    module.batches = module.build(tiny().encoder)
    loader = module.train_dataloader()
    whole = [batch.plan.lesson_ids for batch in loader]
    iterator = iter(loader)
    for _ in range(3):
        next(iterator)
    state = loader.state_dict()  # workers have prepared more than was handed out
    assert state == {"position": 3}
    del iterator
    resumed = module.train_dataloader()
    resumed.load_state_dict(state)
    assert [batch.plan.lesson_ids for batch in resumed] == whole[3:]
    assert [batch.plan.lesson_ids for batch in resumed] == whole
