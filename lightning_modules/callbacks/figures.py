"""Everything a module logs, an update a line: terms of the loss, rewards, ratios, margins."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_modules.callbacks.run_folder import RunFolder, keep_lines
from lightning_modules.data.collate import Batch

__all__ = ["Figures"]

SECONDS_BETWEEN_WRITES = 1.0


class Row(NamedTuple):
    """A line that is not written yet."""

    update: int
    """The update, counted from 1."""
    figures: dict[str, Tensor]
    """What was logged in it; still on the device: to read it would make a GPU wait."""


class Figures(Callback):
    """Writes logs/figures.jsonl for modules that log more than the loss, which logs/progress.csv has.

    A line has what was logged in its update and nothing from before: what is measured now and then is there now and
    then.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.rows: list[Row] = []
        self.logged: dict[str, Tensor] = {}  # when last looked at; it keeps their places in memory from being used anew
        self.written = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return how many lines are written."""
        self.drain()
        return {"lines": self.lines}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on after the lines of the checkpoint."""
        self.lines = int(state_dict["lines"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Cut the file back to the updates of the checkpoint."""
        self.path = RunFolder.of(trainer).figures
        self.writes = trainer.is_global_zero
        if self.writes and (self.lines or self.path.exists()):
            keep_lines(self.path, self.lines)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Note the figures of an update when it is complete."""
        if not batch.plan.closes_update:
            return
        figures = self.fresh(trainer.callback_metrics)
        if figures.keys() - {"loss"}:
            self.rows.append(Row(trainer.global_step, figures))
        if time.monotonic() - self.written > SECONDS_BETWEEN_WRITES:
            self.drain()

    def fresh(self, logged: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what was logged since this was last asked: Lightning keeps the last value of everything for ever."""
        before, self.logged = self.logged, {name: value.detach() for name, value in logged.items()}
        places = {name: value.data_ptr() for name, value in before.items()}
        return {name: value for name, value in self.logged.items() if value.data_ptr() != places.get(name)}

    def drain(self) -> None:
        """Read the waiting figures and write their lines."""
        rows, self.rows = self.rows, []
        lines = []
        for update, row in rows:
            figures = {name: float(value) for name, value in sorted(row.items())}
            lines.append(json.dumps({"update": update, **figures}) + "\n")
        self.lines += len(lines)
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
