"""An arm of a course: one way of teaching, and how it is trained."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

from curricula import Mixture, Ordering, Selector, Shuffled, Signal
from lessons.errors import ConfigError
from students.renderings import Rendering
from tutelage.stored_logits import StoredLogits

__all__ = ["NAME", "Arm", "Training"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""What a folder that a course makes may be called."""
RUN_FOLDERS = ("student", "checkpoints", "logs", "steps")
"""What lies in an arm's folder already."""

PassedOn = int | str | dict[str, Any] | None
"""A setting that only training understands. Not `Any`: the parser would then fill in all that a class takes, also what
training itself gives it, such as `optimizer: null` for one of torch's schedulers."""


@dataclass(frozen=True)
class Training:
    """How an arm is trained. All keys are passed on to `tutelage train`."""

    lessons_per_update: int = 32
    """Curriculum entries that one optimiser update learns from, over all devices and micro-batches."""
    micro_batches: int = 1
    """In how many parts, one after the other, a device works through its share of an update: more need less memory."""
    max_tokens: int | None = None
    """Longest training sequence in tokens; longer lessons are counted and left out, never cut. None: no limit."""
    optimizer: dict[str, Any] = field(
        default_factory=lambda: {"class_path": "torch.optim.AdamW", "init_args": {"lr": 2e-4, "weight_decay": 0.01}}
    )
    """The optimiser: class_path and init_args."""
    schedule: dict[str, Any] | None = None
    """How the learning rate changes: class_path (lightning_modules.Cosine ...) and init_args; None keeps it."""
    module: dict[str, Any] = field(default_factory=dict)
    """More init_args of lightning_modules.SupervisedModule; or class_path and init_args of another module."""
    feedback: dict[str, Any] = field(default_factory=dict)
    """What is measured on the student for a plan that hears: {every_updates: 20, measures: [...]}."""
    data: dict[str, Any] = field(default_factory=dict)
    """More settings of lightning_modules.CurriculumDataModule."""
    adapter_folder: str | None = None
    """Folder inside the arm's for the trained adapter alone, as `students.Adapted` reads it; None: it is only merged
    into the student that comes out."""
    checkpoint: dict[str, Any] = field(default_factory=dict)
    """How often a run is saved: {every_updates: 100} or {every_minutes: 5}."""
    trainer: dict[str, Any] = field(default_factory=dict)
    """More settings of Lightning's Trainer, such as {gradient_clip_val: 1.0, precision: bf16-true, devices: 2}."""


@dataclass(frozen=True)
class Arm:
    """One way of teaching: what the student sees, in which order. All arms of a course share everything else."""

    rendering: Rendering
    """How a lesson becomes training text."""
    target: str | None = None
    """The kind of annotation that makes a lesson ("rationale", "critique"); None for one lesson a prompt."""
    targets_per_prompt: int = 1
    """At most this many lessons a prompt."""
    trusted_only: bool = True
    """Leave out annotations that could not be read or were graded wrong."""
    signals: list[Signal] = field(default_factory=list)
    """What to measure about every lesson."""
    ordering: Ordering | None = None
    """How to order one pass; None shuffles."""
    order_by: str | None = None
    """Name of the signal to order by."""
    passes: float = 1.0
    """How often to go through the lessons."""
    minimum_length: int = 0
    """Go on with further passes until the plan has this many entries: gives a control arm as many updates."""
    select: list[Selector] = field(default_factory=list)
    """Which lessons to leave out, step by step, each from what the ones before it kept."""
    mixture: Mixture | None = None
    """Which lessons every update draws from the order; None goes through it, pass by pass."""
    logits: StoredLogits | None = None
    """A teacher whose logits over the arm's lessons are stored before it trains; the arm's module gets them as its
    `teacher`. Arms with the same lessons, rendering and teacher share them."""
    training: dict[str, PassedOn] = field(default_factory=dict)
    """Keys of the course's `training` that this arm sets otherwise."""

    @property
    def order(self) -> Ordering:
        """The ordering of one pass."""
        return self.ordering or Shuffled()

    @property
    def reading(self) -> dict[str, Any]:
        """The settings that choose its lessons."""
        return {name: getattr(self, name) for name in ("target", "targets_per_prompt", "trusted_only")}

    def training_settings(self, shared: Training, name: str) -> Training:
        """Return the course's training settings with this arm's own put over them."""
        known = [found.name for found in fields(Training)]
        unknown = [key for key in self.training if key not in known]
        if unknown:
            raise ConfigError(
                f"The arm {name!r} sets training.{unknown[0]}, which does not exist. Allowed are {', '.join(known)}. "
                "Correct the key; settings of Lightning's Trainer stand under `trainer`."
            )
        return replace(shared, **cast("dict[str, Any]", self.training))

    def check(self, name: str, shared: Training, adapted: bool) -> None:
        """Refuse settings that contradict each other, before anything is spent.

        Args:
            name: The arm's name.
            shared: The course's training settings.
            adapted: Whether the student has an adapter.

        Raises:
            ConfigError: With what to change.
        """
        self.check_adapter_folder(name, shared, adapted)
        self.check_order(name)
        self.check_logits(name, shared)

    def check_adapter_folder(self, name: str, shared: Training, adapted: bool) -> None:
        """Refuse to write an adapter that is not there, or to where it does not belong."""
        folder = self.training_settings(shared, name).adapter_folder
        if folder is None:
            return
        if not NAME.fullmatch(folder) or folder in RUN_FOLDERS:
            raise ConfigError(
                f"The arm {name!r} has training.adapter_folder {folder!r}. Allowed is the name of a new folder inside "
                f"the arm's: letters, digits, '-' and '_', and none of {', '.join(RUN_FOLDERS)}. Call it: adapter."
            )
        if not adapted:
            raise ConfigError(
                f"The arm {name!r} has training.adapter_folder {folder!r}, but the student has no adapter: all its "
                "weights are trained. Needed is student.adapter, such as {rank: 16, alpha: 32}. Set it, or leave out "
                "adapter_folder."
            )

    def check_order(self, name: str) -> None:
        """Refuse an arm that orders by a signal it does not have."""
        ordering = self.order
        names = [signal.name for signal in self.signals]
        if ordering.needs_scores if self.order_by is None else self.order_by not in names:
            raise ConfigError(
                f"The arm {name!r} has {type(ordering).__name__} order by {self.order_by or 'nothing'}; its signals "
                f"are {', '.join(names) or 'none'}. Set `order_by` to one of them, or add the signal to `signals`."
            )

    def check_logits(self, name: str, shared: Training) -> None:
        """Refuse logits that nobody learns from, and a module with two teachers."""
        module = self.training_settings(shared, name).module
        given = (module.get("init_args") or {}).get("teacher")
        if self.logits is not None and ("class_path" not in module or given is not None):
            why = "its module learns from texts alone" if given is None else "its module has a `teacher` of its own"
            raise ConfigError(
                f"The logits of {self.logits.teacher.weights.name} are to be stored for the arm {name!r}, but {why}. "
                "Needed is a module that learns from logits, such as lightning_modules.LogitDistillation, without a "
                "`teacher`, whose place the store takes. Correct training.module of the arm, or leave out its `logits`."
            )
