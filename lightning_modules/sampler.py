"""Which lessons an optimiser step sees: a timetable's draw, shared out over ranks and cut into micro-batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curricula.timetable import Timetable
from lessons.errors import ConfigError

__all__ = ["CurriculumSampler", "Piece", "Step"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Step(NamedTuple):
    """The lessons of one optimiser step over all ranks and micro-batches, in the planned order."""

    update: int
    """0-based index of the optimiser step."""
    lessons: Ints
    """Numbers of the rendered lessons, [lessons of the step]."""
    factors: Floats
    """The weight of each in the loss, [lessons of the step]."""


class Piece(NamedTuple):
    """One micro-batch of one rank, still as numbers: what travels to the process that collates it."""

    number: int
    """0-based number of the micro-batch inside the step."""
    lessons: Ints
    """Numbers of the rendered lessons, [lessons]."""
    factors: Floats
    """The weight of each in the loss, [lessons]."""
    step: Step
    """The whole step it belongs to."""


@dataclass(frozen=True)
class CurriculumSampler:
    """Cuts every optimiser step of a timetable into micro-batches.

    Rank r takes every `world_size`-th lesson of the step, starting at r, sorts them by length, and cuts them into
    exactly `micro_batches` pieces of nearly equal count. Sorting never leaves the step, so the order that was planned
    is the order that is trained. A piece may be empty: at the ragged end, or where a step has fewer lessons than
    pieces.
    """

    timetable: Timetable
    """Which lessons come at which update."""
    numbers: Ints
    """Number of the rendered lesson at each position in the lesson set, in the first view, [lesson set]; -1 where it
    was not rendered."""
    lengths: Ints
    """Length of each rendered lesson in tokens, one view after the other, [views * lessons]: to sort inside a step."""
    lessons_per_update: int
    """Lessons of one optimiser step, over all ranks and micro-batches."""
    micro_batches: int = 1
    """Micro-batches of one optimiser step on one rank."""
    rank: int = 0
    """This process, in [0, world_size)."""
    world_size: int = 1
    """Number of processes."""
    views: int = 1
    """In how many views each lesson is rendered."""

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
        return self.timetable.updates

    def __len__(self) -> int:
        """Return the number of micro-batches of this rank."""
        return self.updates * self.micro_batches

    def step(self, update: int) -> Step:
        """Return the lessons of one optimiser step, over all ranks."""
        drawn = self.timetable.draw(update)
        lessons = self.shown(drawn.places, self.checked(drawn.views, update))
        return Step(update, lessons, np.asarray(drawn.weights, np.float64))

    def shown(self, places: Ints, views: Ints | int = -1) -> Ints:
        """Return the numbers of lessons of the set in some views, -1 being the last view, as at the exam."""
        return self.numbers[places] + views % self.views * (len(self.lengths) // self.views)

    def checked(self, views: Ints | None, update: int) -> Ints | int:
        """Return the views to show lessons in.

        Raises:
            ConfigError: The rendering does not have them, or has several and the plan chooses none.
        """
        if views is None and self.views == 1:
            return 0
        if views is None or (len(views) and not 0 <= views.min() <= views.max() < self.views):
            chosen = "none" if views is None else f"those from {views.min()} to {views.max()}"
            raise ConfigError(
                f"The rendering has {self.views} views, and the plan chooses {chosen} of them at update {update}. "
                f"Needed is one from 0 to {self.views - 1} for every lesson. Plan with a mixture such as "
                "curricula.Dial with as many views, or take another rendering (several views: students.Views)."
            )
        return views

    def pieces(self, update: int) -> list[Piece]:
        """Return the micro-batches of one optimiser step on this rank."""
        step = self.step(update)
        mine = np.arange(self.rank, len(step.lessons), self.world_size)
        by_length = mine[np.argsort(self.lengths[step.lessons[mine]], kind="stable")]
        return [
            Piece(number, step.lessons[chosen], step.factors[chosen], step)
            for number, chosen in enumerate(np.array_split(by_length, self.micro_batches))
        ]

    def piece(self, index: int) -> Piece:
        """Return one micro-batch of this rank, counted over all steps."""
        update, number = divmod(index, self.micro_batches)
        return self.pieces(update)[number]
