"""A trainer that lets a measure look on, and keeps what it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from lightning_modules import CurriculumDataModule, SupervisedModule
from lightning_modules.measures import Figures, Measure
from students import Student


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
