"""Supervised fine-tuning with a weighted token loss, normalised over the whole optimiser step."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any, ClassVar

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from lessons.errors import CheckpointMismatch
from lessons.lesson_set import LessonSet
from lightning_modules.adamw import AdamWSettings, adamw
from lightning_modules.chosen_optimizer import chosen
from lightning_modules.data.collate import Batch
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.gradient_norm import clips_as_torch, limit_norm
from lightning_modules.losses import part_sums, weighted_loss
from lightning_modules.same_run import differences, refuse_other_length
from lightning_modules.schedules import Schedule
from lightning_modules.sharding import shard
from students.encoder_decoder import split_of
from students.four_bit import weights_in
from students.split_model import SplitModel
from students.student import Student

__all__ = ["SupervisedModule"]

log = logging.getLogger(__name__)

OptimizerCallable = Callable[[Iterable[Any]], Optimizer]
SchedulerCallable = Callable[[Optimizer], LRScheduler]


class SupervisedModule(LightningModule):
    """Trains a student on rendered lessons.

    The loss of an optimiser step is the sum over the parts of the rendering of part_weight * (weighted sum of the
    part's token losses) / (total weight of the part's tokens). Sum and total run over all lessons of the step: over its
    micro-batches and over all devices. The totals are known before the step, because the plan is data; so every
    micro-batch divides by them at once, exactly, whatever the precision, clipping or strategy.

    Args:
        student: The model that learns.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 2e-4 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    adamw: ClassVar[AdamWSettings] = {"lr": 2e-4, "weight_decay": 0.01}
    """What the optimiser is where none is given. Not the default of the argument itself: the command line would carry
    its settings over to any other class that knows them."""

    def __init__(
        self,
        student: Student,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__()
        self.student = student
        self.optimizer = optimizer
        self.schedule = schedule
        self.settings: dict[str, Any] | None = None  # what the command line was given; see TutelageCLI
        self.model: torch.nn.Module | None = None
        self.update_loss: Tensor | None = None
        self.running: Tensor | None = None
        self.gradient_norm: Tensor | None = None  # of the latest update, before it was clipped
        self.batch_losses: Tensor | None = None  # of the micro-batch at hand, for whoever looks on
        # A checkpoint holds only what trains; on_load_checkpoint checks that it holds all of that.
        self.strict_loading = False

    def configure_model(self) -> None:
        """Load the student's weights; Lightning calls this once the device is known."""
        if self.model is not None:
            return
        self.student.check_trainable()
        self.model = self.student.model.train()
        if torch.get_default_dtype() == torch.float64:
            self.model.double()  # Lightning does so too, but after it has read the checkpoint: into float32
        shard(self, self.student.model)

    @cached_property
    def split(self) -> SplitModel:
        """The model as decoder and output layer."""
        if self.model is None:
            raise RuntimeError("configure_model() comes before training")
        return split_of(self.model, self.student.packing)

    def on_fit_start(self) -> None:
        """Say what is trained and how the loss is normalised."""
        trained = sum(weights_in(p) for p in self.parameters() if p.requires_grad)
        total = sum(weights_in(p) for p in self.parameters())
        parts = " + ".join(f"{weight:g} * mean({part})" for part, weight in self.part_weights.items())
        if self.trainer.is_global_zero:
            log.info(
                "Training %s of %s parameters. Loss = %s; each mean over all %s",
                f"{trained:,}", f"{total:,}", parts, self.averaging,
            )  # fmt: skip

    @property
    def averaging(self) -> str:
        """What each mean in the loss is taken over, in words, for the log."""
        return "its supervised tokens of an update"

    @property
    def part_weights(self) -> dict[str, float]:
        """The weight of each part of the loss, as the data module's rendering has it."""
        rendering = getattr(getattr(self.trainer, "datamodule", None), "rendering", None)
        return dict(rendering.parts) if rendering is not None else {"answer": 1.0}

    def companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion | None:
        """Return what adds tensors to every micro-batch, asked once on every process before training.

        Args:
            rendered: The training sequences, as `Plan.sequence_numbers` counts them.
            lessons: The lessons they were made of.
        """
        return None

    def received(self, batch: Batch) -> Batch:
        """Return what is trained in the place of a micro-batch of the plan, on its device; sampled answers come so.

        Losses and callbacks see what this returns.
        """
        return batch

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return this micro-batch's share of the update's loss, scaled for Lightning's and DDP's averaging."""
        losses = self.token_losses(batch)
        self.batch_losses = losses.detach()
        share = self.share_of_update(losses, batch)
        self.running = share.detach() if self.running is None else self.running + share.detach()
        if batch.plan.closes_update:
            self.close_update()
        # Lightning divides by the number of micro-batches, DDP by the number of processes; the share is exact already.
        return share * (self.trainer.accumulate_grad_batches * self.trainer.world_size)

    def token_losses(self, batch: Batch) -> Tensor:
        """Return the loss of every supervised token, [supervised]; another loss overrides this and nothing else."""
        return self.split.nll(batch.input_ids, batch.positions, batch.targets)

    def share_of_update(self, losses: Tensor, batch: Batch) -> Tensor:
        """Return what a micro-batch's token losses, [supervised], add to the loss of its update."""
        sums = part_sums(losses, batch.weights, batch.parts, len(batch.totals))
        part_weights = torch.tensor(list(self.part_weights.values()), dtype=batch.totals.dtype)
        return weighted_loss(sums.nll, batch.totals, part_weights)

    def close_update(self) -> None:
        """Add the micro-batches' shares up to the loss of the update, over all devices."""
        running, self.running = self.running, None
        if running is None:
            return
        self.update_loss = self.over_devices(running)
        self.log("loss", self.update_loss, prog_bar=True, batch_size=1)

    def over_devices(self, share: Tensor) -> Tensor:
        """Return the sum of the devices' shares."""
        if self.trainer.world_size == 1:
            return share
        whole: Tensor = self.trainer.strategy.reduce(share, reduce_op="sum")
        return whole

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Measure the gradient, and clip it as the trainer's `gradient_clip_val` says: a norm limits what it measures.

        Clipping by value, and precisions that clip in a way of their own, stay Lightning's.
        """
        ours = gradient_clip_algorithm in (None, "norm") and clips_as_torch(self.trainer.precision_plugin)
        self.gradient_norm = limit_norm(optimizer, gradient_clip_val if ours else None)
        if gradient_clip_val and not ours:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Let go of the gradients when all have seen the update: Lightning would hold them through the next forward."""
        if batch.plan.closes_update:
            self.zero_grad()

    def configure_optimizers(self) -> Any:
        """Return the optimiser over what trains, and the schedule, stepped at every update."""
        trained = [p for p in self.parameters() if p.requires_grad]
        if self.optimizer is None:
            optimizer = adamw(trained, self.adamw, self.trainer.precision_plugin)
        else:
            optimizer = chosen(self.optimizer, trained, self.trainer)
        if self.schedule is None:
            return optimizer
        if isinstance(self.schedule, Schedule):
            scheduler: LRScheduler = LambdaLR(optimizer, partial(self.schedule.factor, updates=self.planned_updates()))
        else:
            scheduler = self.schedule(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def planned_updates(self) -> int:
        """Return how many updates the run will make.

        The data module knows. Lightning's `estimated_stepping_batches` would open the data loader before the
        checkpoint is read, and a resumed run would start again from the first batch.
        """
        limit = self.trainer.max_steps if self.trainer.max_steps > 0 else None
        whole = self.updates_of_plan or int(self.trainer.estimated_stepping_batches)
        return min(whole, limit) if limit else whole

    @property
    def updates_of_plan(self) -> int:
        """Updates of the data module's plan; 0 where it has none."""
        return int(getattr(getattr(self.trainer, "datamodule", None), "updates", 0))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep only what trains, and say whose it is."""
        wanted = self.trained_names()
        checkpoint["state_dict"] = {k: v for k, v in checkpoint["state_dict"].items() if k in wanted}
        checkpoint["student"] = self.student.fingerprint
        checkpoint["settings"] = json.dumps(self.settings, sort_keys=True, default=str)
        checkpoint["planned_updates"] = self.planned_updates()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another student or of other settings.

        Raises:
            CheckpointMismatch: Its weights would not fit, or going on would not continue the same run.
        """
        found, mine = checkpoint.get("student"), self.student.fingerprint
        if found != mine:
            raise CheckpointMismatch(
                f"The checkpoint belongs to another student: it has the fingerprint {str(found)[:12]}, this student "
                f"({self.student.weights.name}) has {mine[:12]}. Only checkpoints of the very same weights, adapter, "
                "tokenizer and template fit. Give the settings it was trained with, or start without --ckpt_path."
            )
        # A strategy that shards has read the tensors already, and hands on the rest.
        missing = sorted(self.trained_names() ^ set(checkpoint.get("state_dict", self.trained_names())))
        if missing:
            raise CheckpointMismatch(
                f"The checkpoint and the student differ in {len(missing)} trained tensors, such as {missing[0]}. "
                "They must be the same. Start without --ckpt_path."
            )
        before = json.loads(checkpoint.get("settings", "null"))
        if before is not None and self.settings is not None and (changed := differences(before, self.settings)):
            raise CheckpointMismatch(
                f"The checkpoint was trained with other model settings: {'; '.join(changed)}. A run is resumed with "
                "the same ones, since the optimiser's state belongs to them. Restore them, or start a new run from the "
                "exported student."
            )
        if self.updates_of_plan:
            refuse_other_length(checkpoint, self.planned_updates(), self.pace)

    def pace(self, update: int, updates: int) -> tuple[float, ...]:
        """Return all that hangs on how long the run is, at a 0-based update of a run with `updates` of them."""
        return (self.schedule.factor(update, updates),) if isinstance(self.schedule, Schedule) else ()

    def trained_names(self) -> set[str]:
        """Return the names of the trained parameters and of the buffers in the state dict.

        There may be more in it: what frozen weights in four bits need to be read.
        """
        trained = {name for name, p in self.named_parameters(remove_duplicate=False) if p.requires_grad}
        buffers = {name for name, _ in self.named_buffers(remove_duplicate=False)}
        return set(self.state_dict()) & (trained | buffers)
