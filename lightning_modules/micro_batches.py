"""The plan, rendered and cut: every micro-batch of a run by its number, and a loader that can start at any of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from lessons.errors import ConfigError
from lightning_modules.collate import Batch, Plan, Weighted, collate
from lightning_modules.rendered import RenderedLessons
from lightning_modules.sampler import CurriculumSampler

__all__ = ["MicroBatches", "ResumableLoader"]


@dataclass(frozen=True)
class MicroBatches(Dataset[Batch]):
    """Every micro-batch of this rank, by its number."""

    lessons: RenderedLessons
    """The rendered lessons."""
    order: npt.NDArray[np.int64]
    """The lesson at each position of the plan, as index into `lessons`, [positions]."""
    factors: npt.NDArray[np.float64]
    """The weight of each position in the loss, [positions]."""
    sampler: CurriculumSampler
    """How positions become micro-batches."""

    def __len__(self) -> int:
        return len(self.sampler)

    def __getitem__(self, index: int) -> Batch:
        update, piece = divmod(index, self.sampler.micro_batches)
        positions = self.sampler.pieces(update)[piece]
        chosen = [(int(self.order[position]), float(self.factors[position])) for position in positions]
        sequences = [
            Weighted(sequence, factor) for lesson, factor in chosen for sequence in self.lessons.sequences(lesson)
        ]
        return collate(sequences, self.totals(update), self.plan(update, piece, [lesson for lesson, _ in chosen]))

    def totals(self, update: int) -> npt.NDArray[np.float64]:
        """Return the total target weight of each part in one optimiser step, over all ranks, float64 [parts]."""
        span = self.sampler.update(update)
        totals: npt.NDArray[np.float64] = self.factors[span] @ self.lessons.part_totals[self.order[span]]
        return totals

    def plan(self, update: int, piece: int, lessons: list[int]) -> Plan:
        """Describe one micro-batch and its optimiser step."""
        whole = self.order[self.sampler.update(update)]
        return Plan(
            update=update,
            closes_update=piece == self.sampler.micro_batches - 1,
            lesson_ids=tuple(self.lessons.ids[lesson] for lesson in lessons),
            update_lessons=len(whole),
            update_tokens=int(self.lessons.lengths[whole].sum()),
            update_supervised_tokens=int(self.lessons.supervised[whole].sum()),
        )

    def check_weights(self) -> None:
        """Refuse a plan with an optimiser step that trains on nothing.

        Raises:
            ConfigError: All lessons of a step have the weight 0.
        """
        weight = self.factors * self.lessons.part_totals.sum(axis=1)[self.order]
        for update in range(self.sampler.updates):
            if not weight[self.sampler.update(update)].any():
                raise ConfigError(
                    f"All {self.sampler.lessons_per_update} lessons of update {update} have the weight 0 in the "
                    "curriculum: there would be nothing to train. Every update needs a lesson with a weight above 0. "
                    "Leave such lessons out of the plan, or raise data.lessons_per_update."
                )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over what is trained in which step, whatever the number of ranks."""
        digest = hashlib.sha256(self.lessons.fingerprint.encode())
        for array in (self.order.astype("<i8"), self.factors.astype("<f8")):
            digest.update(array.tobytes())
        digest.update(str(self.sampler.lessons_per_update).encode())
        return digest.hexdigest()


class ResumableLoader:
    """Yields the micro-batches of a rank in order, from the first or, once after a resume, from where it stopped.

    It counts batches handed out, not batches prepared: workers run ahead. It has a length, because Lightning fetches
    one batch too many from a loader without, and it is no `DataLoader`, whose sampler Lightning would replace.

    Args:
        batches: The micro-batches.
        workers: Processes that collate ahead; 0 collates in this one.
    """

    def __init__(self, batches: MicroBatches, workers: int = 0) -> None:
        self.batches = batches
        self.workers = workers
        self.position = 0
        self.resume_at = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        self.position, self.resume_at = self.resume_at, 0
        loader: DataLoader[Batch] = DataLoader(
            self.batches,
            batch_size=None,
            sampler=range(self.position, len(self.batches)),
            num_workers=self.workers,
            collate_fn=unchanged,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # without its own, a loader draws its seed from the global generator
        )
        for batch in loader:
            self.position += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Return the number of micro-batches handed out."""
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Start the next iteration at the saved position."""
        self.resume_at = int(state["position"])


def unchanged(batch: Any) -> Any:
    """Return the batch: the data set collates by itself."""
    return batch
