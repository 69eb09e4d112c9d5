"""What trainer, module, lessons and checkpoint must be for one another, checked before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from curricula.timetable import Timetable
from lessons.errors import CheckpointMismatch, ConfigError
from students.encoder import Encoder
from students.renderings import Rendering

__all__ = [
    "encoder_of",
    "refuse_below",
    "refuse_changing_steps",
    "refuse_other_data",
    "refuse_parts_of_plan",
    "refuse_replay",
    "refuse_unanswered",
    "refuse_unheard",
]


def encoder_of(module: LightningModule | None) -> Encoder:
    """Return the encoder of the student in training: training text and exam text come from the same one.

    Raises:
        ConfigError: The module has no student.
    """
    encoder = getattr(getattr(module, "student", None), "encoder", None)
    if not isinstance(encoder, Encoder):
        raise ConfigError(
            f"{type(module).__name__} has no student whose tokenizer could render the lessons. "
            "Allowed is a module with an attribute `student` (a students.Student). "
            "Use lightning_modules.SupervisedModule, or give your module that attribute."
        )
    return encoder


def refuse_below(group: str, holder: object, **least: int) -> None:
    """Refuse numbers that are too small.

    Args:
        group: Where the settings stand.
        holder: What has them as attributes.
        **least: The smallest number allowed, by the name of the setting.

    Raises:
        ConfigError: One is smaller.
    """
    for name, bound in least.items():
        value = getattr(holder, name, None)
        if value is not None and value < bound:
            raise ConfigError(f"{group}.{name} is {value}. Allowed is {bound} or more. Correct it.")


def refuse_parts_of_plan(trainer: Trainer | None) -> None:
    """Refuse to count micro-batches where a plan counts updates: a run would end in the middle of one.

    Raises:
        ConfigError: The trainer would.
    """
    limit = 1.0 if trainer is None or getattr(trainer, "fast_dev_run", False) else trainer.limit_train_batches
    if limit != 1.0 or isinstance(limit, int):
        raise ConfigError(
            f"trainer.limit_train_batches (or overfit_batches) is {limit}, which counts micro-batches and could end a "
            "run in the middle of an update, that nobody would log or save. Allowed is the whole plan. To stop "
            "earlier, set trainer.max_steps, which counts updates."
        )


def refuse_changing_steps(trainer: Trainer | None) -> None:
    """Refuse a number of micro-batches that changes during the run: the plan of the steps is made before it.

    Raises:
        ConfigError: A callback changes it.
    """
    callbacks = getattr(trainer, "callbacks", [])
    if any(isinstance(callback, GradientAccumulationScheduler) for callback in callbacks):
        raise ConfigError(
            "GradientAccumulationScheduler changes the number of micro-batches during the run, but a curriculum's "
            "updates are planned before it. Allowed is a constant trainer.accumulate_grad_batches; remove the "
            "callback. To change how many lessons an update has, train in several rounds."
        )


def refuse_replay(trainer: Trainer | None) -> None:
    """Refuse to begin the plan again at its end.

    A second epoch would count its updates from 0: the same lessons in the same order, with the same random numbers for
    what the student writes and for noise, and a plan that hears the student would be told the past.

    Raises:
        ConfigError: The trainer would.
    """
    epochs = 1 if trainer is None else trainer.max_epochs
    if epochs is None or not 0 <= epochs <= 1:
        meant = "no limit" if epochs in (None, -1) else str(epochs)
        raise ConfigError(
            f"trainer.max_epochs is {meant}, but one epoch is the whole plan, its passes over the lessons included: a "
            "second one would repeat the very same updates. Allowed is trainer.max_epochs 1. To train longer, plan "
            "more passes (`passes` of the arm, or `tutelage plan --passes`); to stop earlier, set trainer.max_steps "
            "beside max_epochs 1."
        )


def refuse_unheard(trainer: Trainer | None, timetable: Timetable) -> None:
    """Refuse a plan that hears the student where nobody measures it.

    Raises:
        ConfigError: Nobody does.
    """
    callbacks = getattr(trainer, "callbacks", [])
    if timetable.hears and not any(getattr(callback, "feeds_plan", False) for callback in callbacks):
        raise ConfigError(
            "This plan changes with the student, but nothing is measured on it. Name what the plan listens for "
            "under feedback.measures, such as lightning_modules.ProbeLosses, or use a plan that does not hear."
        )


def answers_of(module: LightningModule | None) -> int:
    """Return how many answers the student writes itself to each lesson at every update; 0 where it reads texts."""
    return int(getattr(module, "answers_per_lesson", 0))


def refuse_unanswered(module: LightningModule | None, rendering: Rendering) -> None:
    """Refuse questions without answers where the student does not write them all.

    Raises:
        ConfigError: It does not.
    """
    if not rendering.answered and not answers_of(module):
        raise ConfigError(
            f"{type(rendering).__name__} shows questions without answers, and {type(module).__name__} would "
            "learn to say nothing from them. Allowed is a module that has the student answer at every update: "
            "OnPolicyDistillation with student_share 1, or OnlineVerifiedModule. Take one of them, or a rendering "
            "with answers."
        )


def refuse_other_data(saved: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """Refuse a checkpoint that was trained on other data or with another split of the updates.

    Args:
        saved: What the checkpoint says of its data, as `CurriculumDataModule.state_dict` does.
        mine: The same of this run.

    Raises:
        CheckpointMismatch: Going on would train other batches than the uninterrupted run.
    """
    if mine["data"] != saved["data"]:
        raise CheckpointMismatch(
            "The checkpoint was trained on other data: lessons, curriculum, rendering, tokenizer or "
            f"lessons_per_update differ (fingerprint {saved['data'][:12]}, these settings give {mine['data'][:12]}). A "
            "run can only be resumed on the very same data. Restore the settings, or start a new run from the "
            "exported student."
        )
    if mine["micro_batches"] != saved["micro_batches"]:
        raise CheckpointMismatch(
            f"The checkpoint was trained with accumulate_grad_batches {saved['micro_batches']}, this run has "
            f"{mine['micro_batches']}. A run can only be resumed with the same value. Restore it."
        )
