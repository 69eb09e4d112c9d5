"""What training a scorer takes, whatever it learns from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.adamw import AdamWSettings
from lightning_modules.data.collate import Batch, Weighted
from lightning_modules.data.companion import Companion
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable, SupervisedModule
from students.scorer import Scorer
from students.split_model import SplitModel
from students.student import Student

__all__ = ["ScorerModule", "Targets"]

Ints = npt.NDArray[np.int64]


class Targets(Companion):
    """What every sequence's numbers shall be.

    Args:
        values: One row a sequence, as `RenderedLessons` numbers them, [sequences, numbers].
    """

    def __init__(self, values: npt.NDArray[np.float64]) -> None:
        self.values = values

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the values."""
        import hashlib

        return hashlib.sha256(np.ascontiguousarray(self.values).tobytes()).hexdigest()

    def extras(self, numbers: Ints, sequences: Sequence[Weighted]) -> dict[str, Tensor]:
        """Return `targets`, float32 [sequences, numbers]; one row of zeros where there are no sequences."""
        found = self.values[numbers] if sequences else np.zeros((1, self.values.shape[1]))
        return {"targets": torch.from_numpy(found.astype(np.float32))}


class Decoder(SplitModel):
    """A scorer's decoder: there is no output layer, so its states are what is wanted."""

    def projects_only(self) -> bool:
        """Return True: nothing comes after the states but the head."""
        return True


class ScorerModule(SupervisedModule):
    """Trains a scorer: the loss of a sequence stands at its one supervised position.

    It is normalised as in `SupervisedModule`: by the total weight of all sequences of the update, over all its
    micro-batches and devices.

    Args:
        student: The scorer that learns.
        optimizer: The optimiser's class and settings, without the parameters.
        schedule: How the learning rate changes from update to update; None keeps it.
    """

    adamw: ClassVar[AdamWSettings] = {"lr": 2e-5, "weight_decay": 0.01}

    def __init__(
        self,
        student: Student,
        optimizer: OptimizerCallable | None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, optimizer, schedule)

    @property
    def scorer(self) -> Scorer:
        """The student.

        Raises:
            ConfigError: It is none that scores.
        """
        if not isinstance(self.student, Scorer):
            raise ConfigError(
                f"{type(self).__name__} got a {type(self.student).__name__}, which writes text. Needed is a student "
                "with a scoring head. Write `student: {class_path: students.Scorer, init_args: {...}}`."
            )
        return self.student

    @cached_property
    def split(self) -> SplitModel:
        """The scorer's decoder."""
        if self.model is None:
            raise RuntimeError("configure_model() comes before training")
        return Decoder(self.model, self.student.packing).check()

    def states(self, batch: Batch) -> Tensor:
        """Return the state that the head reads, in the head's format, of every sequence, [sequences, features].

        Raises:
            ConfigError: The rendering supervises more than the end of a sequence.
        """
        expected = max(1, len(batch.plan.sequence_numbers))
        if len(batch.positions) != expected:
            raise ConfigError(
                f"{expected} sequences have {len(batch.positions)} supervised tokens. A scorer learns one thing in "
                "each, at its end. Train with data.rendering students.ScoredTexts or students.ClassifiedQuestions."
            )
        return self.split.at(batch.input_ids, batch.positions).to(self.scorer.head.weight.dtype)

    @abstractmethod
    def token_losses(self, batch: Batch) -> Tensor:
        """Return the loss of every sequence, [sequences]."""
