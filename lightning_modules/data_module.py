"""Lessons in the order of a curriculum, as Lightning's data module."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from lightning.pytorch import LightningDataModule
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from curricula import read_signals
from curricula.batch_ramp import BatchRamp
from curricula.curriculum import Curriculum
from curricula.from_rule import lessons_of, timetable_of
from curricula.signal_table import SignalTable
from curricula.signals.base import Scores
from curricula.timetable import Planned, Timetable
from lessons.errors import CheckpointMismatch, ConfigError, DataError
from lessons.lesson_set import LessonSet
from lightning_modules.collate import Batch
from lightning_modules.companion import Companion
from lightning_modules.micro_batches import BATCHES_AHEAD, MicroBatches, ResumableLoader
from lightning_modules.rendered import RenderedLessons
from lightning_modules.rendering_job import RenderingJob, RenderingResult
from lightning_modules.sampler import CurriculumSampler
from lightning_modules.supervised import SupervisedModule
from students.encoder import Encoder
from students.renderings import Rendering

__all__ = ["CurriculumDataModule"]

log = logging.getLogger(__name__)


class CurriculumDataModule(LightningDataModule):
    """Feeds a curriculum to a student: rendered once, in the planned order, exactly resumable.

    One epoch is the whole plan; passes over the lessons are part of the plan, so the trainer's `max_epochs` stays 1.
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
            self.refuse_changing_steps()
            self.refuse_silence_as_answer()
            self.batches = self.build(self.find_encoder())
            self.refuse_silence()

    def build(self, encoder: Encoder) -> MicroBatches:
        """Return the micro-batches of this process.

        Raises:
            BadInput: The files do not fit together, or a lesson cannot be rendered.
        """
        lessons = LessonSet.read(
            self.prompts, self.annotations, self.target, self.targets_per_prompt, self.trusted_only
        )
        plan, signals = self.read_plan()
        wanted = np.arange(len(lessons)) if plan is None else lessons_of(plan, lessons, signals)
        rendered = self.render(RenderingJob(self.rendering, lessons, wanted, encoder, self.max_tokens, self.over_long))
        flat, kept = rendered.lessons, rendered.kept
        numbers = np.full(len(lessons), -1, np.int64)
        numbers[wanted[kept]] = np.arange(flat.lessons_per_view)  # rendering keeps the order it was given
        if plan is None:
            everything = wanted[kept]
            timetable: Timetable = Planned(
                everything, np.ones(len(everything)), np.zeros(len(everything), np.int32), self.lessons_per_update
            )
        else:
            timetable = timetable_of(plan, lessons, signals, self.lessons_per_update, numbers >= 0, self.delay)
        sampler = CurriculumSampler(
            timetable=self.ramped(timetable),
            numbers=numbers,
            lengths=flat.longest,
            lessons_per_update=self.lessons_per_update,
            micro_batches=self.micro_batches,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
            views=flat.views,
            rows=flat.sequence_counts,
            tokens_per_micro_batch=self.tokens_per_micro_batch,
        )
        rule = json.dumps([plan.rule, plan.seed], sort_keys=True) if plan is not None and timetable.hears else ""
        self.lesson_set = lessons
        batches = MicroBatches(flat, sampler.check(), rule, self.find_companion(flat, lessons))
        batches.check()
        return batches

    def ramped(self, timetable: Timetable) -> Timetable:
        """Let the updates grow, where a ramp says so.

        Raises:
            ConfigError: The plan hears the student, or the first update has fewer lessons than micro-batches.
        """
        if self.ramp is None:
            return timetable
        pieces = self.micro_batches * (self.trainer.world_size if self.trainer else 1)
        if not isinstance(timetable, Planned) or self.ramp.first < pieces:
            raise ConfigError(
                f"data.ramp starts with {self.ramp.first} lessons an update; allowed is a written plan (this is "
                f"{type(timetable).__name__}) and at least one lesson for each of the {pieces} micro-batches over all "
                "processes. Raise data.ramp.first, or leave the ramp out."
            )
        return replace(timetable, bounds=self.ramp.bounds(len(timetable.positions), self.lessons_per_update))

    @property
    def micro_batches(self) -> int:
        """Micro-batches of one optimiser step on one process."""
        return self.trainer.accumulate_grad_batches if self.trainer else 1

    @property
    def delay(self) -> int:
        """Updates that workers may have ordered ahead: feedback counts from after those, so that a resumed run draws
        the same lessons, whatever was prepared when it stopped."""
        return -(-self.workers * BATCHES_AHEAD // self.micro_batches)

    def read_plan(self) -> tuple[Curriculum | None, SignalTable | None]:
        """Read the plan, and the signals beside it where training needs them."""
        if self.curriculum is None:
            return None, None
        signals = Path(self.curriculum) / "signals.parquet"
        return Curriculum.read(self.curriculum), read_signals(signals) if signals.exists() else None

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
        _, signals = self.read_plan()
        if signals is None:
            raise DataError(
                f"The signal {name!r} was asked for, but no signals.parquet lies in {self.curriculum}. Plan again, or "
                "copy the file there."
            )
        return signals.scores(name)

    def render(self, job: RenderingJob) -> RenderingResult:
        """Return the rendered lessons, and log how many were too long."""
        if self.rendered is None:
            done = job.run()
        else:
            files = {"prompts": Path(self.prompts), "annotations": Path(self.annotations) if self.annotations else None}
            done = job.shared(Path(self.rendered), files)
        self.dropped_lessons = done.dropped
        if done.dropped:
            log.warning(
                "%d of %d lessons are longer than %s tokens and are left out (the longest has %d); "
                "raise data.max_tokens to train on them",
                done.dropped, len(job.positions), self.max_tokens, done.longest,
            )  # fmt: skip
        return done

    def refuse_changing_steps(self) -> None:
        """Refuse a number of micro-batches that changes during the run: the plan of the steps is made before it."""
        callbacks = getattr(self.trainer, "callbacks", [])
        if any(isinstance(callback, GradientAccumulationScheduler) for callback in callbacks):
            raise ConfigError(
                "GradientAccumulationScheduler changes the number of micro-batches during the run, but a curriculum's "
                "updates are planned before it. Allowed is a constant trainer.accumulate_grad_batches; remove the "
                "callback. To change how many lessons an update has, train in several rounds."
            )

    def refuse_silence(self) -> None:
        """Refuse a plan that hears the student where nobody measures it."""
        callbacks = getattr(self.trainer, "callbacks", [])
        if self.timetable.hears and not any(getattr(callback, "feeds_plan", False) for callback in callbacks):
            raise ConfigError(
                "This plan changes with the student, but nothing is measured on it. Name what the plan listens for "
                "under feedback.measures, such as lightning_modules.ProbeLosses, or use a plan that does not hear."
            )

    def refuse_silence_as_answer(self) -> None:
        """Refuse questions without answers where the student does not write them all.

        Raises:
            ConfigError: It does not.
        """
        module = self.trainer.lightning_module if self.trainer else None
        if not self.rendering.answered and not getattr(module, "answers_everything", False):
            raise ConfigError(
                f"{type(self.rendering).__name__} shows questions without answers, and {type(module).__name__} would "
                "learn to say nothing from them. Allowed is a module that has the student answer at every update: "
                "OnPolicyDistillation with student_share 1, or OnlineVerifiedModule. Take one of them, or a rendering "
                "with answers."
            )

    def find_encoder(self) -> Encoder:
        """Return the encoder of the student in training: training text and exam text come from the same one."""
        module = self.trainer.lightning_module if self.trainer else None
        encoder = getattr(getattr(module, "student", None), "encoder", None)
        if not isinstance(encoder, Encoder):
            raise ConfigError(
                f"{type(module).__name__} has no student whose tokenizer could render the lessons. "
                "Allowed is a module with an attribute `student` (a students.Student). "
                "Use lightning_modules.SupervisedModule, or give your module that attribute."
            )
        return encoder

    def find_companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion | None:
        """Return what the module in training wants beside the tokens."""
        module = self.trainer.lightning_module if self.trainer else None
        ask = getattr(module, "companion", None)
        return ask(rendered, lessons) if ask is not None else None

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Return what the module makes of a micro-batch before anybody sees it."""
        module = self.trainer.lightning_module if self.trainer else None
        return module.received(batch) if isinstance(module, SupervisedModule) else batch

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
        if not mine or not state_dict:
            return
        if all(mine[name] == state_dict[name] for name in ("data", "micro_batches")):
            self.timetable.load_state_dict(state_dict["timetable"])
            return
        if mine["data"] != state_dict["data"]:
            raise CheckpointMismatch(
                "The checkpoint was trained on other data: lessons, curriculum, rendering, tokenizer or "
                f"lessons_per_update differ (fingerprint {state_dict['data'][:12]}, these settings give "
                f"{mine['data'][:12]}). A run can only be resumed on the very same data. Restore the settings, or "
                "start a new run from the exported student."
            )
        raise CheckpointMismatch(
            f"The checkpoint was trained with accumulate_grad_batches {state_dict['micro_batches']}, this run has "
            f"{mine['micro_batches']}. A run can only be resumed with the same value. Restore it."
        )
