"""The student's loss on some of the plan's own lessons."""

from __future__ import annotations

import numpy as np

from lightning_modules.data_module import CurriculumDataModule
from lightning_modules.measures.base import Figures, Measure, chosen_lessons
from lightning_modules.measures.rendered_losses import rendered_losses
from lightning_modules.supervised import SupervisedModule

__all__ = ["ProbeLosses"]


class ProbeLosses(Measure):
    """Mean loss per supervised token of a fixed sample of lessons, by one forward pass over them.

    Figures: "loss" of each probed lesson; metric "probe_loss", the mean over them. Where the rendering has several
    views, lessons are probed in the last.

    Args:
        size: Lessons to probe; of every group where `by` is given.
        by: A signal of the plan that names groups, such as topics: each is probed alike.
        tokens_per_batch: Tokens of one batch, padding included.
        seed: Decides which lessons.
    """

    def __init__(self, size: int = 32, by: str | None = None, tokens_per_batch: int = 8192, seed: int = 0) -> None:
        self.size = size
        self.by = by
        self.tokens_per_batch = tokens_per_batch
        self.seed = seed

    def prepare(self, data: CurriculumDataModule) -> None:
        """Choose the lessons."""
        self.places = chosen_lessons(data, self.size, self.by, self.seed)
        self.batches = data.batches_of_plan

    def measure(self, module: SupervisedModule) -> Figures:
        """Score the lessons."""
        numbers = self.batches.sampler.shown(self.places)
        losses = rendered_losses(module, self.batches.lessons, numbers, self.tokens_per_batch)
        return Figures({"probe_loss": float(np.mean(losses))}, self.places, {"loss": losses})
