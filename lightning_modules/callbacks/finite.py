"""Notices a run whose loss or gradient is no finite number any more: there is nothing left to train, or to save."""

from __future__ import annotations

import time

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from lessons.errors import TrainingCollapsed
from lightning_modules.callbacks.run_folder import RunFolder
from lightning_modules.gradient_norm import leaves_out_infinite

__all__ = ["FiniteWatch"]

SECONDS_BETWEEN_LOOKS = 1.0


class FiniteWatch:
    """Adds up losses and gradient norms where they are, and looks at the sum now and then.

    To read each of them at once would make a GPU wait at every update; the sum stays infinite or not a number once one
    of them was.
    """

    def __init__(self) -> None:
        self.sum: Tensor | None = None
        self.looked = time.monotonic()

    def note(self, trainer: Trainer, module: LightningModule) -> None:
        """Add the loss and the gradient norm of an update, unless it would be left out for them."""
        if leaves_out_infinite(trainer.precision_plugin):
            return
        for name in ("update_loss", "gradient_norm"):
            found = getattr(module, name, None)
            if isinstance(found, Tensor):
                figure = found.detach().float()  # in float16 the sum itself would soon be infinite
                self.sum = figure if self.sum is None else self.sum + figure

    @property
    def late(self) -> bool:
        """Whether the last look was a while ago."""
        return time.monotonic() - self.looked > SECONDS_BETWEEN_LOOKS

    def look(self, trainer: Trainer) -> None:
        """Stop a run that has collapsed; of several processes all must look at once.

        Raises:
            TrainingCollapsed: It has.
        """
        self.looked = time.monotonic()
        total, self.sum = self.sum, None
        if total is None or bool(torch.isfinite(total)):
            return
        folder = RunFolder.of(trainer)
        kept = f"{folder.checkpoint} is from before" if folder.checkpoint.exists() else "There is no checkpoint yet"
        raise TrainingCollapsed(
            f"Training collapsed by update {trainer.global_step}: its loss or gradient is not a finite number "
            f"({folder.progress} shows since when). Needed are finite ones: what such a step has touched is lost, so "
            f"nothing more is saved, and no student is written. {kept}. Lower the learning rate, set "
            "trainer.gradient_clip_val to a number such as 1.0, or look for what is wrong with the lessons of that "
            "update; then start anew in another trainer.default_root_dir."
        )
