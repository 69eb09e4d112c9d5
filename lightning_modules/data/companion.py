"""What a loss needs beside the tokens of a batch: tensors that are looked up while the batch is collated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.data.collate import Weighted

__all__ = ["Companion"]

Ints = npt.NDArray[np.int64]


class Companion(ABC):
    """Adds tensors to every micro-batch: stored logits of a teacher, old log-probabilities, rewards, reference values.

    A module makes one in `SupervisedModule.companion`, on every process, before training. It collates inside the data
    loader's workers, so it must survive a fork and a pickle: memory-map large files rather than hold them.
    """

    @property
    def fingerprint(self) -> str:
        """What a resumed run must have in common with the one that wrote the checkpoint; empty if nothing."""
        return ""

    @abstractmethod
    def extras(self, numbers: Ints, sequences: Sequence[Weighted]) -> dict[str, Tensor]:
        """Return what is added to `Batch.extras`, by name.

        Args:
            numbers: The number of each sequence in `RenderedLessons`, [sequences].
            sequences: The sequences, in the order in which `Batch.sequences` counts them.

        A micro-batch without lessons, which only keeps the ranks in step, has no sequences here, but one supervised
        token of weight 0: a tensor with one row for every supervised token then has one row, of zeros.
        """
