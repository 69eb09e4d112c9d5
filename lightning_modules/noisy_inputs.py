"""Supervised training on answers that are read with mistakes or gaps, and learnt without."""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.data.collate import Batch
from lightning_modules.input_noise import InputNoise
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable, SupervisedModule
from students.decoding import stream
from students.student import Student

__all__ = ["NoisyInputs"]

log = logging.getLogger(__name__)


class NoisyInputs(SupervisedModule):
    """Replaces a share of the answer's tokens where the student reads them; every token is still to be predicted.

    The loss is that of `SupervisedModule`; nothing of the question is replaced. Which tokens are depends on seed,
    update and sequence alone, so it is the same for every split into micro-batches and devices, and after a resume.
    With `MaskedTokens`, share 0.4 and warmup_share 0.66 it is the masked thought of Chen et al. 2024
    (arXiv:2403.02178); with `OwnTokens` the student's own words come in between.

    Args:
        student: The model that learns.
        noise: What is read instead.
        share: Chance that a token of the answer is replaced, in [0, 1], once warm.
        warmup_share: Share of the run over which that chance rises evenly from 0, in [0, 1].
        seed: Decides which tokens are replaced.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 2e-4 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    def __init__(
        self,
        student: Student,
        noise: InputNoise,
        share: float = 0.4,
        warmup_share: float = 0.66,
        seed: int = 0,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, optimizer, schedule)
        self.noise = noise
        self.share = share
        self.warmup_share = warmup_share
        self.seed = seed

    def setup(self, stage: str) -> None:
        """Refuse settings out of range, before any weights are read.

        Raises:
            ConfigError: One is.
        """
        if not (0 <= self.share <= 1 and 0 <= self.warmup_share <= 1):
            raise ConfigError(
                f"NoisyInputs got share={self.share} and warmup_share={self.warmup_share}; allowed are numbers from 0 "
                "to 1. Correct them."
            )
        self.noise.check(self.student)

    def on_fit_start(self) -> None:
        """Say what is replaced."""
        super().on_fit_start()
        if self.trainer.is_global_zero:
            log.info(
                "Of the answers' tokens up to %g are replaced by %s where they are read, and learnt as they are",
                self.share, type(self.noise).__name__,
            )  # fmt: skip

    def received(self, batch: Batch) -> Batch:
        """Return the micro-batch with some of its answers' tokens replaced where they are read."""
        share = self.share_at(batch.plan.update, self.planned_updates())
        if not share or not batch.plan.sequence_numbers:
            return batch
        chances, draws = self.uniforms(batch)
        with torch.no_grad(), self.trainer.precision_plugin.forward_context():
            words = self.noise.replacements(self.student, self.split, batch, draws)
        places = batch.positions + 1  # a token is read one position after the one that predicts it
        inside = read_again(batch)
        replaced = inside & (chances < share)
        ids = batch.input_ids.flatten().clone()
        ids[places[replaced]] = words[replaced]
        return batch_with(batch, ids.view_as(batch.input_ids))

    def share_at(self, update: int, updates: int) -> float:
        """Return the chance that a token is replaced in an update of a run with so many."""
        warm = self.warmup_share * updates
        return self.share if update >= warm else self.share * update / warm

    def pace(self, update: int, updates: int) -> tuple[float, ...]:
        """Return the schedule's factor and the share that is replaced."""
        return (*super().pace(update, updates), self.share_at(update, updates))

    def uniforms(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return two numbers in [0, 1) for every supervised token, float64 [supervised] each."""
        counts = torch.bincount(batch.sequences).tolist()
        found = [
            stream(b"noise/%d/%d/%d" % (self.seed, batch.plan.update, number), 2 * count).reshape(2, count)
            for number, count in zip(batch.plan.sequence_numbers, counts, strict=True)
        ]
        both = torch.from_numpy(np.concatenate(found, axis=1)).to(batch.targets.device)
        return both[0], both[1]


def read_again(batch: Batch) -> Tensor:
    """Say of every supervised token whether the student reads it, too, bool [supervised].

    The last of a sequence is only written; what comes after it in the row is padding.
    """
    last = torch.ones_like(batch.sequences, dtype=torch.bool)
    last[:-1] = batch.sequences[:-1] != batch.sequences[1:]
    return ~last


def batch_with(batch: Batch, input_ids: Tensor) -> Batch:
    """Return a micro-batch that reads other ids."""
    return Batch(
        input_ids=input_ids,
        positions=batch.positions,
        targets=batch.targets,
        weights=batch.weights,
        parts=batch.parts,
        sequences=batch.sequences,
        totals=batch.totals,
        plan=batch.plan,
        extras=batch.extras,
    )
