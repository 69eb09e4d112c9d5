"""Everything a module logs, an update a line: terms of the loss, rewards, ratios, margins."""

from __future__ import annotations

import json
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_modules.callbacks.run_folder import RunFolder, keep_lines
from lightning_modules.data.collate import Batch

__all__ = ["Figures"]

SECONDS_BETWEEN_WRITES = 1.0


class Figures(Callback):
    """Writes logs/figures.jsonl for modules that log more than the loss, which logs/progress.csv has."""

    def __init__(self) -> None:
        self.updates = 0
        self.rows: list[dict[str, Tensor]] = []  # still on the device: to read them would make a GPU wait
        self.written = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return how many updates are written."""
        self.drain()
        return {"updates": self.updates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on after the updates of the checkpoint."""
        self.updates = int(state_dict["updates"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Cut the file back to the updates of the checkpoint."""
        self.path = RunFolder.of(trainer).figures
        self.writes = trainer.is_global_zero
        if self.writes and (self.updates or self.path.exists()):
            keep_lines(self.path, self.updates)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Note the figures of an update when it is complete."""
        if not batch.plan.closes_update or not trainer.callback_metrics.keys() - {"loss"}:
            return
        self.rows.append({name: value.detach().clone() for name, value in trainer.callback_metrics.items()})
        if time.monotonic() - self.written > SECONDS_BETWEEN_WRITES:
            self.drain()

    def drain(self) -> None:
        """Read the waiting figures and write their lines."""
        rows, self.rows = self.rows, []
        lines = []
        for row in rows:
            self.updates += 1
            figures = {name: float(value) for name, value in sorted(row.items())}
            lines.append(json.dumps({"update": self.updates, **figures}) + "\n")
        if lines and self.writes:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
        self.written = time.monotonic()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the last lines."""
        self.drain()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write the lines of a run that stops early."""
        self.drain()
