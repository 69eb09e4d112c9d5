"""How the student fares at some of the plan's own lessons, by one forward pass over them."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from torch import Tensor

from lightning_modules.data.collate import Batch
from lightning_modules.data.data_module import CurriculumDataModule
from lightning_modules.measures.base import Figures, Measure, chosen_lessons
from lightning_modules.measures.rendered_means import error_norms, losses, rendered_means
from lightning_modules.supervised import SupervisedModule

__all__ = ["Probe", "ProbeErrors", "ProbeLosses"]


class Probe(Measure):
    """The mean of a figure over the supervised tokens of each lesson of a fixed sample.

    A lesson of several views is probed in the last.
    """

    figure: ClassVar[str]
    """Name of the figure by lesson; the metric is "probe_<figure>"."""
    size: int | None
    """Lessons to probe, of every group where there are groups; None for all."""
    by: str | None
    """Name of the signal of groups."""
    tokens_per_batch: int
    """Tokens of one batch, padding included."""
    seed: int
    """Decides which lessons."""

    @abstractmethod
    def per_token(self, module: SupervisedModule, batch: Batch) -> Tensor:
        """Return what is averaged, one number for every supervised token, [supervised]."""

    def prepare(self, data: CurriculumDataModule) -> None:
        """Choose the lessons."""
        self.places = chosen_lessons(data, self.size, self.by, self.seed)
        self.batches = data.batches_of_plan

    def measure(self, module: SupervisedModule) -> Figures:
        """Read the lessons."""
        numbers = self.batches.sampler.shown(self.places)
        found = rendered_means(module, self.batches.lessons, numbers, self.tokens_per_batch, self.per_token)
        return Figures({f"probe_{self.figure}": float(np.mean(found))}, self.places, {self.figure: found})


class ProbeLosses(Probe):
    """Mean loss per supervised token, -log p, of a fixed sample of lessons, by one forward pass over them.

    Figures: "loss" of each probed lesson; metric "probe_loss", the mean over them. Where the rendering has several
    views, lessons are probed in the last.

    Args:
        size: Lessons to probe; of every group where `by` is given. None for all lessons.
        by: A signal of the plan that names groups, such as topics: each is probed alike.
        tokens_per_batch: Tokens of one batch, padding included.
        seed: Decides which lessons.
    """

    figure = "loss"

    def __init__(
        self, size: int | None = 32, by: str | None = None, tokens_per_batch: int = 8192, seed: int = 0
    ) -> None:
        self.size = size
        self.by = by
        self.tokens_per_batch = tokens_per_batch
        self.seed = seed

    def per_token(self, module: SupervisedModule, batch: Batch) -> Tensor:
        """Return the tokens' losses."""
        return losses(module, batch)


class ProbeErrors(Probe):
    """EL2N during training: mean_t ||softmax_t - onehot(y_t)||_2 over the supervised tokens of lessons.

    The figure of dynamic data diets (Attendu and Corbeil 2023, arXiv:2306.03208 unchecked; the mean over tokens is our
    reading): every few passes all lessons are scored anew, and `curricula.BestHeard` trains on the top share. Figures:
    "error_norm" of each probed lesson, between 0 and sqrt(2); metric "probe_error_norm", the mean over them.

    Args:
        size: Lessons to probe; of every group where `by` is given. None for all lessons, as the method wants.
        by: A signal of the plan that names groups.
        tokens_per_batch: Tokens of one batch, padding included.
        seed: Decides which lessons.
    """

    figure = "error_norm"

    def __init__(
        self, size: int | None = None, by: str | None = None, tokens_per_batch: int = 8192, seed: int = 0
    ) -> None:
        self.size = size
        self.by = by
        self.tokens_per_batch = tokens_per_batch
        self.seed = seed

    def per_token(self, module: SupervisedModule, batch: Batch) -> Tensor:
        """Return the tokens' errors."""
        return error_norms(module, batch)
