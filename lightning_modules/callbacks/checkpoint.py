"""Checkpoints that can be resumed exactly: between updates only, and renamed into place."""

from __future__ import annotations

import io
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from lessons.errors import ConfigError, Stopped
from lessons.files import staged
from lessons.folders import sweep
from lightning_modules.callbacks.finite import FiniteWatch
from lightning_modules.callbacks.run_folder import RunFolder
from lightning_modules.data.collate import Batch

__all__ = ["UpdateCheckpoint"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StagedCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place, flushes it and renames it there.

    Lightning's own writes the whole file to the system's temporary folder first, which may be small, and moves it from
    there, which is no rename where that is another file system: a kill can leave a torn file.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write the file, whole or not at all, and clear away those that processes left unfinished when killed."""
        with staged(path) as partial:
            write(checkpoint, partial)
        sweep(Path(path))


def write(checkpoint: dict[str, Any], path: Path) -> None:
    """Write a file with torch; an error of the disk comes out as such, not as one of torch's archive writer."""
    failed: list[OSError] = []

    class Watched(io.BufferedWriter):  # a raw file writes at most 2 GB at a time, and torch does not look
        def write(self, data: Any) -> int:
            try:
                return super().write(data)
            except OSError as error:
                failed.append(error)
                raise

    with Watched(io.FileIO(path, "wb")) as file:
        try:
            torch.save(checkpoint, file)
        except RuntimeError:
            if failed:
                raise failed[0] from None
            raise


class UpdateCheckpoint(Checkpoint):
    """Keeps checkpoints/last.ckpt up to date, and stops cleanly on Ctrl-C or SIGTERM.

    Lightning's own callback can save between two micro-batches of an update, which loses the gradients gathered so far.
    A run whose loss or gradient is no finite number any more ends with an error: nothing of it takes the place of the
    checkpoint from before.

    Args:
        every_updates: Save after every so many updates; None leaves it to the clock.
        every_minutes: Save when this many minutes have passed since the last time; None leaves it to the updates.
    """

    def __init__(self, every_updates: int | None = None, every_minutes: float | None = 10.0) -> None:
        super().__init__()
        self.every_updates = every_updates
        self.every_minutes = every_minutes
        self.saved_at = 0.0
        self.stop_requested = False
        self.interrupts = 0
        self.handlers: dict[int, Any] = {}
        self.watch = FiniteWatch()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check the settings, and make every checkpoint of this run one that appears whole."""
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = StagedCheckpointIO()
        if self.every_updates is not None and self.every_updates < 1:
            raise ConfigError(
                f"checkpoint.every_updates is {self.every_updates}. Allowed is 1 or more, or null. Correct it."
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock, and take over the two signals that ask to stop."""
        self.saved_at = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            self.handlers = {number: signal.signal(number, self.request_stop) for number in SIGNALS}

    def request_stop(self, number: int, frame: FrameType | None) -> None:
        """Stop after the update in progress; a second Ctrl-C stops at once.

        A SIGTERM after a Ctrl-C is no second wish: a course sends it to its training process to make sure.
        """
        self.interrupts += number == signal.SIGINT
        if self.interrupts > 1:
            raise KeyboardInterrupt
        self.stop_requested = True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Save after an update if it is time, or if somebody asked to stop."""
        if not batch.plan.closes_update:
            return
        update = trainer.global_step
        self.watch.note(trainer, pl_module)
        stop, late, look = self.agree(trainer, self.stop_requested, self.late(), self.watch.late)
        last = bool(trainer.is_last_batch) or trainer.global_step == trainer.max_steps
        due = self.every_updates is not None and update % self.every_updates == 0
        save = stop or late or last or due or trainer.should_stop
        if save or look:
            self.watch.look(trainer)
        if save:
            self.save(trainer)
        if stop and not last:
            raise Stopped(
                f"Stopped after update {update}; everything is saved in {RunFolder.of(trainer).checkpoint}. "
                "Run the same command again with --ckpt_path last to go on."
            )

    def late(self) -> bool:
        """Return whether the last checkpoint is older than allowed."""
        return self.every_minutes is not None and time.monotonic() - self.saved_at > 60 * self.every_minutes

    def agree(self, trainer: Trainer, *wishes: bool) -> list[bool]:
        """Return for each wish whether any process has it: saving is a joint act."""
        if trainer.world_size == 1:
            return list(wishes)
        votes = torch.tensor([float(wish) for wish in wishes], device=trainer.strategy.root_device)
        total = trainer.strategy.reduce(votes, reduce_op="sum")
        return [bool(count) for count in torch.as_tensor(total).tolist()]

    def save(self, trainer: Trainer) -> None:
        """Save, on every process: all take part in collecting the states, the first one writes."""
        if not getattr(trainer, "fast_dev_run", False):
            trainer.save_checkpoint(RunFolder.of(trainer).checkpoint)
        self.saved_at = time.monotonic()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the signals back."""
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers = {}
