"""What all modules share that learn from a teacher's logits or states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lessons.errors import CheckpointMismatch, ConfigError
from lightning_modules.data.collate import Batch
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable, SupervisedModule
from lightning_modules.white_box.logit_teacher import LogitTeacher
from students.student import Student

__all__ = ["TaughtModule"]


class TaughtModule(SupervisedModule):
    """Trains a student towards a teacher that never learns, and is in no checkpoint and in no export.

    A subclass says in `token_losses` what is learnt from it, and leaves the terms of the loss in `terms`: they are
    logged with every update.

    Args:
        student: The model that learns.
        source: The teacher.
        optimizer: The optimiser's class and settings, without the parameters.
        schedule: How the learning rate changes from update to update; None keeps it.
        supervised_weight: The weight of the negative log-likelihood of the lesson's text; the teacher has the rest.
        temperature: T, by which the logits of both are divided.
        temperature_squared: Whether what the teacher says counts T^2 times.
    """

    def __init__(
        self,
        student: Student,
        source: LogitTeacher,
        optimizer: OptimizerCallable | None,
        schedule: Schedule | SchedulerCallable | None,
        supervised_weight: float,
        temperature: float,
        temperature_squared: bool,
    ) -> None:
        super().__init__(student, optimizer, schedule)
        self.source = source
        self.supervised_weight = supervised_weight
        self.temperature = temperature
        self.temperature_squared = temperature_squared
        self.terms: Mapping[str, Tensor] = {}  # of the micro-batch at hand, [supervised] each
        self.running_terms: dict[str, Tensor] = {}

    def setup(self, stage: str) -> None:
        """Refuse a weight of the text outside [0, 1] and a temperature that is not above 0.

        Raises:
            ConfigError: One of them is.
        """
        if not 0 <= self.supervised_weight <= 1:
            raise ConfigError(
                f"The supervised weight is {self.supervised_weight}. Allowed are values from 0 to 1: the teacher has "
                "the rest. Correct `supervised_weight`."
            )
        if not self.temperature > 0:
            raise ConfigError(
                f"The temperature is {self.temperature}. Allowed are values above 0; 1 compares the distributions as "
                "they are. Correct `temperature`."
            )

    @property
    def scale(self) -> float:
        """By what the divergence is multiplied: T^2 or 1."""
        return self.temperature**2 if self.temperature_squared else 1.0

    @property
    def scale_in_words(self) -> str:
        """That factor for the log; nothing where it is 1."""
        return f"{self.scale:g} (T^2) * " if self.scale != 1 else ""

    def on_fit_start(self) -> None:
        """Load the teacher."""
        super().on_fit_start()
        self.source.load(self.device, double=next(self.parameters()).dtype == torch.float64)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return this micro-batch's share of the update's loss, and log all terms of every update."""
        loss = super().training_step(batch, batch_idx)
        for name, values in self.terms.items():
            share = self.share_of_update(values, batch)
            self.running_terms[name] = self.running_terms[name] + share if name in self.running_terms else share
        if batch.plan.closes_update:
            for name, running in self.running_terms.items():
                self.log(name, self.over_devices(running), batch_size=1)
            self.running_terms = {}
        return loss

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep only what trains, and say whose it is and who taught it."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["teacher"] = self.source.fingerprint

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another student, of other settings or from another teacher.

        Raises:
            CheckpointMismatch: Going on would not continue the same run.
        """
        super().on_load_checkpoint(checkpoint)
        found, mine = checkpoint.get("teacher"), self.source.fingerprint
        if found != mine:
            raise CheckpointMismatch(
                f"The checkpoint was taught by another teacher: by one of the fingerprint {str(found)[:12]}, this one "
                f"({self.source.name}) has {mine[:12]}. A run is resumed with the very same weights. Restore "
                "them, or start a new run from the exported student."
            )
