"""A record of what was trained when, to check an order against its plan or a resumed run against another."""

from __future__ import annotations

import json
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_modules.callbacks.run_folder import RunFolder, keep_lines
from lightning_modules.data.collate import Batch

__all__ = ["BatchLog"]


class BatchLog(Callback):
    """Writes logs/batches-<rank>.jsonl: for every update, the lessons of each micro-batch and the update's loss.

    Where the rendering has several views, a lesson is written as "<id> in view <number>".

    Args:
        enabled: Whether to write it.
    """

    def __init__(self, enabled: bool = False) -> None:
        self.enabled = enabled
        self.updates = 0
        self.micro_batches: list[list[str]] = []

    def state_dict(self) -> dict[str, Any]:
        """Return how many updates are written."""
        return {"updates": self.updates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on after the updates of the checkpoint."""
        self.updates = int(state_dict["updates"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Cut the log back to the updates of the checkpoint."""
        if self.enabled:
            self.path = RunFolder.of(trainer).batches(trainer.global_rank)
            keep_lines(self.path, self.updates)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Write a line when an update is complete."""
        if not self.enabled:
            return
        ids, views = batch.plan.lesson_ids, batch.plan.lesson_views
        shown = [f"{name} in view {view}" for name, view in zip(ids, views, strict=True)] if views else list(ids)
        self.micro_batches.append(shown)
        if not batch.plan.closes_update:
            return
        loss = getattr(pl_module, "update_loss", None)
        line = {
            "update": batch.plan.update,
            "micro_batches": self.micro_batches,
            "loss": None if loss is None else float(loss),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.micro_batches = []
        self.updates += 1
