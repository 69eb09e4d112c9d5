"""Which lessons an optimiser step sees: a pure function of its index, the rank and the world size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lessons.errors import ConfigError

__all__ = ["CurriculumSampler"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CurriculumSampler:
    """Cuts one global order into optimiser steps, and each step into micro-batches.

    Step k is the positions [k * lessons_per_update, (k + 1) * lessons_per_update) of the order; the last one may be
    shorter. Rank r takes every `world_size`-th position of the step, starting at r, sorts them by length, and cuts them
    into exactly `micro_batches` pieces of nearly equal count. Sorting never leaves the step, so the order that was
    planned is the order that is trained. A piece may be empty: at the ragged end, or where a step has fewer lessons
    than pieces.
    """

    lengths: Ints
    """Length of the lesson at each position of the order, tokens, [positions]: for sorting inside a step."""
    lessons_per_update: int
    """Lessons of one optimiser step, over all ranks and micro-batches."""
    micro_batches: int = 1
    """Micro-batches of one optimiser step on one rank."""
    rank: int = 0
    """This process, in [0, world_size)."""
    world_size: int = 1
    """Number of processes."""

    def check(self) -> CurriculumSampler:
        """Return itself if its numbers fit together.

        Raises:
            ConfigError: A step has fewer lessons than it has micro-batches over all ranks.
        """
        pieces = self.micro_batches * self.world_size
        if self.lessons_per_update < pieces:
            raise ConfigError(
                f"One update has {self.lessons_per_update} lessons and is to be cut into {pieces} micro-batches "
                f"({self.micro_batches} on each of {self.world_size} processes), so that some would always be empty. "
                f"Allowed are at least {pieces} lessons an update. Raise data.lessons_per_update, or lower "
                "trainer.accumulate_grad_batches."
            )
        return self

    @property
    def updates(self) -> int:
        """Number of optimiser steps."""
        return -(-len(self.lengths) // self.lessons_per_update)

    def __len__(self) -> int:
        """Return the number of micro-batches of this rank."""
        return self.updates * self.micro_batches

    def update(self, index: int) -> slice:
        """Return the positions of one optimiser step, over all ranks, in the planned order."""
        start = index * self.lessons_per_update
        return slice(start, min(start + self.lessons_per_update, len(self.lengths)))

    def pieces(self, index: int) -> list[Ints]:
        """Return the positions of each micro-batch of one optimiser step on this rank."""
        whole = self.update(index)
        mine = np.arange(whole.start + self.rank, whole.stop, self.world_size)
        by_length = mine[np.argsort(self.lengths[mine], kind="stable")]
        return np.array_split(by_length, self.micro_batches)

    def micro_batch(self, index: int) -> Ints:
        """Return the positions of one micro-batch of this rank, counted over all steps."""
        update, piece = divmod(index, self.micro_batches)
        return self.pieces(update)[piece]

    def __iter__(self) -> Iterator[Ints]:
        return (piece for index in range(self.updates) for piece in self.pieces(index))
