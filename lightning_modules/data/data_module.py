"""Lessons in the order of a curriculum, as Lightning's data module."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from lightning.pytorch import LightningDataModule, LightningModule

from curricula.arrays import Scores
from curricula.batch_ramp import BatchRamp
from curricula.timetable import Timetable
from lessons.lesson_set import LessonSet
from lightning_modules.data.collate import Batch
from lightning_modules.data.companion import Companion
from lightning_modules.data.fitting_checks import (
    answers_of,
    encoder_of,
    refuse_below,
    refuse_changing_steps,
    refuse_other_data,
    refuse_parts_of_plan,
    refuse_replay,
    refuse_unanswered,
    refuse_unheard,
)
from lightning_modules.data.micro_batches import BATCHES_AHEAD, MicroBatches, ResumableLoader
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.data.rendering_job import RenderingJob
from lightning_modules.data.sampler import CurriculumSampler
from lightning_modules.data.training_plan import TrainingPlan, grown
from lightning_modules.supervised import SupervisedModule
from students.encoder import Encoder
from students.renderings import Rendering

__all__ = ["CurriculumDataModule"]

Ints = npt.NDArray[np.int64]


class CurriculumDataModule(LightningDataModule):
    """Feeds a curriculum to a student: rendered once, in the planned order, exactly resumable.

    One epoch is the whole plan; passes over the lessons are part of the plan, so the trainer's `max_epochs` must be 1.
    The order holds over optimiser steps: step k trains the positions from k * lessons_per_update up to, but not with,
    (k + 1) * lessons_per_update, whatever the number of devices, micro-batches and workers.

    Args:
        prompts: Path of the round's prompts.parquet.
        rendering: How a lesson becomes training sequences.
        annotations: Path of the round's lessons.parquet, with what the teachers wrote; None for bare prompts.
        curriculum: Folder of the plan (curriculum.parquet and curriculum.json); None trains every lesson once, in the
            order of the file.
        target: The kind of annotation that makes a lesson ("rationale", "critique"); None for one lesson a prompt.
        targets_per_prompt: At most this many targets of one prompt.
        trusted_only: Leave out annotations that failed to parse or were graded wrong.
        lessons_per_update: Lessons of one optimiser step, over all devices and micro-batches. A micro-batch is this
            divided by the number of devices and by the trainer's accumulate_grad_batches.
        tokens_per_micro_batch: Most tokens of one micro-batch on one device, padding included; None for no bound. The
            lessons of an update are sorted by length and cut so that its largest micro-batch has as few tokens as it
            can; a plan with a larger one is refused, and the message says how many micro-batches it needs.
        max_tokens: Longest training sequence, prompt and answer together; None for no limit.
        over_long: What happens to longer lessons: "drop" leaves them out of the plan and counts them, "refuse" stops.
        rendered: Folder in which rendered tokens are kept and memory-mapped: all processes and workers share one copy,
            and a later run on the same lessons, rendering and tokenizer need not render again. Anything else is
            rendered anew, beside it. None renders into the memory of every process.
        workers: Processes that prepare batches ahead; 0 prepares them in the training process.
        ramp: Lets the lessons of an update grow up to lessons_per_update; None: all have as many.
    """

    def __init__(
        self,
        prompts: str,
        rendering: Rendering,
        annotations: str | None = None,
        curriculum: str | None = None,
        target: str | None = None,
        targets_per_prompt: int = 1,
        trusted_only: bool = True,
        lessons_per_update: int = 16,
        tokens_per_micro_batch: int | None = None,
        max_tokens: int | None = None,
        over_long: Literal["drop", "refuse"] = "drop",
        rendered: str | None = None,
        workers: int = 0,
        ramp: BatchRamp | None = None,
    ) -> None:
        super().__init__()
        self.prompts = prompts
        self.rendering = rendering
        self.annotations = annotations
        self.curriculum = curriculum
        self.target = target
        self.targets_per_prompt = targets_per_prompt
        self.trusted_only = trusted_only
        self.lessons_per_update = lessons_per_update
        self.tokens_per_micro_batch = tokens_per_micro_batch
        self.max_tokens = max_tokens
        self.over_long = over_long
        self.rendered = rendered
        self.workers = workers
        self.ramp = ramp
        self.batches: MicroBatches | None = None
        self.lesson_set: LessonSet | None = None
        self.dropped_lessons = 0

    def setup(self, stage: str) -> None:
        """Read, render and cut the plan; called once on every process before training."""
        if self.batches is None:
            refuse_below("data", self, targets_per_prompt=1, max_tokens=1, tokens_per_micro_batch=1, workers=0)
            refuse_below("trainer", self.trainer, accumulate_grad_batches=1, gradient_clip_val=0)
            refuse_replay(self.trainer)
            refuse_parts_of_plan(self.trainer)
            refuse_changing_steps(self.trainer)
            refuse_unanswered(self.module, self.rendering)
            self.batches = self.build(self.find_encoder())
            refuse_unheard(self.trainer, self.timetable)

    def build(self, encoder: Encoder) -> MicroBatches:
        """Return the micro-batches of this process.

        Raises:
            BadInput: The files do not fit together, or a lesson cannot be rendered.
        """
        lessons = LessonSet.read(
            self.prompts, self.annotations, self.target, self.targets_per_prompt, self.trusted_only
        )
        plan = TrainingPlan.read(self.curriculum)
        wanted = plan.draws_from(lessons)
        job = RenderingJob(self.rendering, lessons, wanted, encoder, self.max_tokens, self.over_long)
        done = job.done(self.rendered, {"prompts": self.prompts, "annotations": self.annotations})
        rendered = done.lessons
        numbers = np.full(len(lessons), -1, np.int64)
        numbers[wanted[done.kept]] = np.arange(rendered.lessons_per_view)  # rendering keeps the order it was given
        timetable = plan.timetable(lessons, numbers >= 0, self.lessons_per_update, self.delay)
        if self.ramp is not None:
            timetable = grown(timetable, self.ramp, self.lessons_per_update, self.micro_batches * self.processes)
        self.lesson_set, self.dropped_lessons = lessons, done.dropped
        sampler = self.sampler(timetable, numbers, rendered)
        batches = MicroBatches(rendered, sampler, plan.rule(timetable), self.find_companion(rendered, lessons))
        batches.check()
        return batches

    def sampler(self, timetable: Timetable, numbers: Ints, rendered: RenderedLessons) -> CurriculumSampler:
        """Return what cuts a timetable into this process's micro-batches.

        Args:
            timetable: Which lessons come at which update.
            numbers: The rendered lesson of each lesson of the set, -1 where it was left out, [lessons].
            rendered: The rendered lessons.
        """
        return CurriculumSampler(
            timetable=timetable,
            numbers=numbers,
            lengths=rendered.longest,
            lessons_per_update=self.lessons_per_update,
            micro_batches=self.micro_batches,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.processes,
            views=rendered.views,
            rows=rendered.sequence_counts,
            tokens_per_micro_batch=self.tokens_per_micro_batch,
            answers=answers_of(self.module),
        ).check()

    @property
    def micro_batches(self) -> int:
        """Micro-batches of one optimiser step on one process."""
        return self.trainer.accumulate_grad_batches if self.trainer else 1

    @property
    def processes(self) -> int:
        """Processes that train together."""
        return self.trainer.world_size if self.trainer else 1

    @property
    def delay(self) -> int:
        """Updates that workers may have ordered ahead: feedback counts from after those, so that a resumed run draws
        the same lessons, whatever was prepared when it stopped."""
        return -(-self.workers * BATCHES_AHEAD // self.micro_batches)

    @property
    def batches_of_plan(self) -> MicroBatches:
        """The micro-batches of this process, after `setup`."""
        if self.batches is None:
            raise RuntimeError("setup() comes before training")
        return self.batches

    @property
    def lessons_of_plan(self) -> LessonSet:
        """The lessons that the plan was made for, after `setup`."""
        if self.lesson_set is None:
            raise RuntimeError("setup() comes before training")
        return self.lesson_set

    @property
    def timetable(self) -> Timetable:
        """What training follows; it hears the feedback of the student."""
        return self.batches_of_plan.sampler.timetable

    def signal_values(self, name: str) -> Scores:
        """Return a signal of the plan, one value per lesson of the set, float64 [lessons].

        Raises:
            DataError: The plan has no signals beside it, or none of this name.
        """
        return TrainingPlan.read(self.curriculum).signal(name)

    @property
    def module(self) -> LightningModule | None:
        """The module in training, if there is a trainer."""
        return self.trainer.lightning_module if self.trainer else None

    def find_encoder(self) -> Encoder:
        """Return the encoder of the student in training."""
        return encoder_of(self.module)

    def find_companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion | None:
        """Return what the module in training wants beside the tokens."""
        ask = getattr(self.module, "companion", None)
        return ask(rendered, lessons) if ask is not None else None

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Return what the module makes of a micro-batch before anybody sees it."""
        return self.module.received(batch) if isinstance(self.module, SupervisedModule) else batch

    def train_dataloader(self) -> ResumableLoader:
        """Return this process's micro-batches, in order."""
        return ResumableLoader(self.batches_of_plan, self.workers)

    @property
    def updates(self) -> int:
        """Optimiser steps in one run through the plan; 0 before setup."""
        return self.batches.sampler.updates if self.batches else 0

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must have in common with this one."""
        if self.batches is None:
            return {}
        return {
            "data": self.batches.fingerprint,
            "micro_batches": self.batches.sampler.micro_batches,
            "timetable": self.timetable.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse a checkpoint that was trained on other data or with another split of the steps.

        Raises:
            CheckpointMismatch: Going on would train other batches than the uninterrupted run.
        """
        mine = self.state_dict()
        if mine and state_dict:
            refuse_other_data(state_dict, mine)
            self.timetable.load_state_dict(state_dict["timetable"])
