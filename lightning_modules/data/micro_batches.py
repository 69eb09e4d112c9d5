"""The plan, rendered and cut: every micro-batch of a run, and a loader that can start at any of them."""

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
from lightning_modules.data.collate import Batch, Plan, Weighted, collate
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.data.sampler import CurriculumSampler, Piece, Step

__all__ = ["BATCHES_AHEAD", "MicroBatches", "ResumableLoader"]

BATCHES_AHEAD = 2
"""Micro-batches that each worker prepares ahead."""


@dataclass(frozen=True)
class MicroBatches(Dataset[Batch]):
    """Turns this rank's pieces of the plan into batches."""

    lessons: RenderedLessons
    """The rendered lessons."""
    sampler: CurriculumSampler
    """How the plan becomes micro-batches."""
    rule: str = ""
    """What else decides the order: the rule of a plan that hears the student, as text; empty for a written plan."""
    companion: Companion | None = None
    """What the module wants beside the tokens."""

    def __len__(self) -> int:
        return len(self.sampler)

    def __getitem__(self, piece: Piece) -> Batch:
        numbers = self.lessons.sequence_numbers(piece.lessons)
        factors = np.repeat(piece.factors, self.lessons.sequence_counts[piece.lessons])
        sequences = [
            Weighted(self.lessons.sequence(number), factor)
            for number, factor in zip(numbers.tolist(), factors.tolist(), strict=True)
        ]
        extras = self.companion.extras(numbers, sequences) if self.companion is not None else {}
        return collate(sequences, self.totals(piece.step), self.plan(piece, numbers), extras)

    def numbered(self, index: int) -> Batch:
        """Return one micro-batch of this rank, counted over all steps."""
        return self[self.sampler.piece(index)]

    def totals(self, step: Step) -> npt.NDArray[np.float64]:
        """Return the total target weight of each part in one optimiser step, over all ranks, float64 [parts].

        Raises:
            ConfigError: All lessons of the step have the weight 0.
        """
        totals: npt.NDArray[np.float64] = step.factors @ self.lessons.part_totals[step.lessons]
        if not totals.any():
            raise ConfigError(
                f"All {len(step.lessons)} lessons of update {step.update} have the weight 0 in the curriculum: there "
                "would be nothing to train. Every update needs a lesson with a weight above 0. Leave such lessons out "
                "of the plan, or raise data.lessons_per_update."
            )
        return totals

    def check(self) -> None:
        """Refuse a written plan with an optimiser step that trains on nothing or is too large, before the first step.

        Of a plan that hears the student only the first step is known.

        Raises:
            ConfigError: All lessons of a step have the weight 0, the rendering lacks a view, or a micro-batch has more
                tokens than allowed.
        """
        self.sampler.check_budget()
        for update in range(1 if self.sampler.timetable.hears else self.sampler.updates):
            self.totals(self.sampler.step(update))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over what is trained in which step, whatever the number of ranks."""
        digest = hashlib.sha256(self.lessons.fingerprint.encode())
        digest.update(f"{self.sampler.lessons_per_update} {self.rule}".encode())
        digest.update(self.companion.fingerprint.encode() if self.companion is not None else b"")
        for update in range(0 if self.sampler.timetable.hears else self.sampler.updates):
            _, lessons, factors = self.sampler.step(update)
            digest.update(lessons.astype("<i8").tobytes())
            digest.update(factors.astype("<f8").tobytes())
        return digest.hexdigest()

    def plan(self, piece: Piece, numbers: npt.NDArray[np.int64]) -> Plan:
        """Describe one micro-batch, of sequences with these numbers, and its optimiser step."""
        whole = piece.step.lessons
        return Plan(
            update=piece.step.update,
            closes_update=piece.number == self.sampler.micro_batches - 1,
            lesson_ids=tuple(self.lessons.ids[lesson] for lesson in piece.lessons),
            lesson_views=self.views(piece),
            sequence_lessons=tuple(np.repeat(piece.lessons, self.lessons.sequence_counts[piece.lessons]).tolist()),
            sequence_numbers=tuple(numbers.tolist()),
            update_lessons=len(whole),
            update_sequences=int(self.lessons.sequence_counts[whole].sum()),
            update_lesson_weight=float(piece.step.factors.sum()),
            update_sequence_weights=tuple((piece.step.factors @ self.lessons.part_sequences[whole]).tolist()),
            update_tokens=int(self.lessons.lengths[whole].sum()),
            update_supervised_tokens=int(self.lessons.supervised[whole].sum()),
        )

    def views(self, piece: Piece) -> tuple[int, ...]:
        """Return the view of each lesson of a micro-batch; empty where the rendering has one."""
        if self.lessons.views == 1:
            return ()
        return tuple((piece.lessons // self.lessons.lessons_per_view).tolist())


class ResumableLoader:
    """Yields the micro-batches of a rank in order, from the first or, once after a resume, from where it stopped.

    It counts batches handed out, not batches prepared: workers run ahead. It has a length, because Lightning fetches
    one batch too many from a loader without, and it is no `DataLoader`, whose sampler Lightning would replace. What to
    put into a batch is decided in this process, when the batch is ordered from a worker: a plan that hears the student
    changes here.

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
            sampler=Pieces(self.batches.sampler, self.position),
            num_workers=self.workers,
            prefetch_factor=BATCHES_AHEAD if self.workers else None,
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


@dataclass(frozen=True)
class Pieces:
    """The pieces of this rank from one on, each made when it is asked for."""

    sampler: CurriculumSampler
    """How the plan becomes micro-batches."""
    start: int
    """Number of the first piece, counted over all steps."""

    def __len__(self) -> int:
        return len(self.sampler) - self.start

    def __iter__(self) -> Iterator[Piece]:
        first, done = divmod(self.start, self.sampler.micro_batches)
        for update in range(first, self.sampler.updates):
            yield from self.sampler.pieces(update)[done:]
            done = 0


def unchanged(batch: Any) -> Any:
    """Return the batch: the data set collates by itself."""
    return batch
