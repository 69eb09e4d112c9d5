"""Which lessons an optimiser step sees: a timetable's draw, shared out over ranks and cut into micro-batches."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curricula.timetable import Timetable
from lessons.errors import ConfigError
from lightning_modules.data.token_budget import Cut, Sizes, cut_evenly, cut_within

__all__ = ["CurriculumSampler", "Piece", "Step"]

log = logging.getLogger(__name__)

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
    exactly `micro_batches` pieces, so that the largest piece has as few tokens as it can: memory is bound by the
    largest. Sorting never leaves the step, so the order that was planned is the order that is trained. A piece is empty
    only where there are fewer lessons than pieces.
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
    rows: Ints | None = None
    """Sequences of each rendered lesson, [views * lessons]; None: one each."""
    tokens_per_micro_batch: int | None = None
    """Most tokens of a micro-batch, padding included; None for no bound."""
    answers: int = 0
    """Answers that the student writes itself to each lesson at every update, in the place of its text, which are cut
    apart from it (see `sampling`); 0 where the text is learnt."""

    def check(self) -> CurriculumSampler:
        """Return itself if its numbers fit together.

        Raises:
            ConfigError: A step has fewer lessons, or answers to them, than it has micro-batches over all ranks.
        """
        pieces = self.micro_batches * self.world_size
        if self.lessons_per_update * max(1, self.answers) < pieces:
            units = "lessons" if not self.answers else f"lessons, with {self.answers} answers each,"
            raise ConfigError(
                f"One update has {self.lessons_per_update} {units} and is to be cut into {pieces} micro-batches "
                f"({self.micro_batches} on each of {self.world_size} processes), so that some would always be empty. "
                f"Allowed are at least {-(-pieces // max(1, self.answers))} lessons an update. Raise "
                "data.lessons_per_update, or lower trainer.accumulate_grad_batches."
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
        chosen, cut = self.cut(step, self.rank)
        if (
            self.timetable.hears
            and self.tokens_per_micro_batch
            and not self.answers
            and cut.tokens > self.tokens_per_micro_batch
        ):
            log.warning(
                "Update %d has a micro-batch of %d tokens, more than data.tokens_per_micro_batch (%d): a plan "
                "that changes with the student is not known. If memory runs out, raise trainer.accumulate_grad_batches",
                update, cut.tokens, self.tokens_per_micro_batch,
            )  # fmt: skip
        return [
            Piece(number, step.lessons[mine], step.factors[mine], step)
            for number, mine in enumerate(np.split(chosen, cut.borders))
        ]

    def cut(self, step: Step, rank: int) -> tuple[Ints, Cut]:
        """Return the places in a step that a rank takes, the shortest lesson first, and where they are cut."""
        mine, sizes = self.share(step, rank)
        return mine, cut_evenly(sizes, self.micro_batches)

    def share(self, step: Step, rank: int) -> tuple[Ints, Sizes]:
        """Return the places in a step that a rank takes, the shortest lesson first, and how large they are."""
        mine = np.arange(rank, len(step.lessons), self.world_size)
        mine = mine[np.argsort(self.lengths[step.lessons[mine]], kind="stable")]
        lessons = step.lessons[mine]
        rows = np.ones_like(lessons) if self.rows is None else self.rows[lessons]
        return mine, Sizes.of(self.lengths[lessons].tolist(), rows.tolist())

    def piece(self, index: int) -> Piece:
        """Return one micro-batch of this rank, counted over all steps."""
        update, number = divmod(index, self.micro_batches)
        return self.pieces(update)[number]

    def check_budget(self) -> None:
        """Refuse a plan with a micro-batch of more tokens than allowed, on whatever rank.

        Of a plan that hears the student only the first step is known. Texts that nobody reads are not counted.

        Raises:
            ConfigError: There is one.
        """
        budget = self.tokens_per_micro_batch
        if budget is None or self.answers:
            return
        largest, where, needed = 0, 0, 1
        for update in range(1 if self.timetable.hears else self.updates):
            step = self.step(update)
            for _, sizes in (self.share(step, rank) for rank in range(self.world_size)):
                if sizes.largest > budget:
                    raise self.lesson_too_large(update, sizes.largest)
                needed = max(needed, 1 + len(cut_within(sizes, budget)))
                if (tokens := cut_evenly(sizes, self.micro_batches).tokens) > largest:
                    largest, where = tokens, update
        if largest > budget:
            raise ConfigError(
                f"data.tokens_per_micro_batch is {budget}, but cut into {self.micro_batches} micro-batches on each of "
                f"{self.world_size} processes update {where} has one of {largest} tokens, padding included. The plan "
                f"needs {needed} micro-batches an update, or {largest} tokens each. Set trainer."
                f"accumulate_grad_batches to {needed}, or raise data.tokens_per_micro_batch."
            )

    def lesson_too_large(self, update: int, tokens: int) -> ConfigError:
        """Build the error for a lesson that no number of micro-batches makes fit."""
        return ConfigError(
            f"data.tokens_per_micro_batch is {self.tokens_per_micro_batch}, but a single lesson of update {update} has "
            f"{tokens} tokens (all its sequences, padded to the longest). All sequences of a lesson are in one "
            "micro-batch, which must hold the largest. Raise data.tokens_per_micro_batch, or leave longer lessons out "
            "with data.max_tokens."
        )
