"""What a run amounts to: updates, tokens, time and loss, in a table while it runs and in training.json at its end."""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from lessons.files import write_text
from lightning_modules.callbacks.run_folder import RunFolder, keep_lines
from lightning_modules.data.collate import Batch

__all__ = ["Progress", "Totals"]

COLUMNS = "update,lessons,processed_tokens,supervised_tokens,loss,gradient_norm,learning_rate,seconds\n"
CURVE_POINTS = 400
SECONDS_BETWEEN_WRITES = 1.0


@dataclass
class Totals:
    """What a run amounts to, over all devices and across resumes; the content of training.json."""

    updates: int = 0
    """Optimiser steps."""
    lessons: int = 0
    """Lessons trained, repeats included."""
    dropped_lessons: int = 0
    """Distinct lessons left out as too long."""
    processed_tokens: int = 0
    """Tokens read by the student, padding not counted."""
    supervised_tokens: int = 0
    """Tokens with a loss weight above 0."""
    seconds: float = 0.0
    """Time spent training; work lost at a kill is not counted."""
    first_loss: float | None = None
    """Loss of the first update, before any learning."""
    final_loss: float | None = None
    """Loss of the last update."""
    curve_stride: int = 1
    """Updates that each point of the curve averages."""
    curve: list[list[float]] = field(default_factory=list)
    """Points [last update, mean loss]: at most 400."""
    waiting: list[float] = field(default_factory=list)
    """Losses that do not make a whole point yet."""

    def add_loss(self, update: int, loss: float) -> None:
        """Take in the loss of an update (1-based)."""
        self.first_loss = loss if self.first_loss is None else self.first_loss
        self.final_loss = loss
        self.waiting.append(loss)
        if len(self.waiting) == self.curve_stride:
            self.curve.append([float(update), math.fsum(self.waiting) / len(self.waiting)])
            self.waiting = []
        if len(self.curve) == CURVE_POINTS:
            pairs = zip(self.curve[::2], self.curve[1::2], strict=True)
            self.curve = [[later[0], (earlier[1] + later[1]) / 2] for earlier, later in pairs]
            self.curve_stride *= 2

    def to_json(self) -> str:
        """Return the text of training.json; a loss that is not finite becomes null."""
        facts = {name: value for name, value in asdict(self).items() if name != "waiting"}
        facts["curve"] = [[int(update), loss if math.isfinite(loss) else None] for update, loss in self.curve]
        for name in ("first_loss", "final_loss"):
            facts[name] = facts[name] if facts[name] is not None and math.isfinite(facts[name]) else None
        lines = [f"  {json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in facts.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"


class Row(NamedTuple):
    """A row of the table that is not written yet."""

    head: str
    """The counts."""
    loss: Tensor | None
    """The loss of the update."""
    norm: Tensor | None
    """The norm of its gradient, before clipping."""
    tail: str
    """Learning rate and seconds."""


class Progress(Callback):
    """Writes logs/progress.csv and training.json; without a progress bar, also a plain line now and then.

    Args:
        seconds_between_lines: How often the plain line is printed when no progress bar is shown.
    """

    def __init__(self, seconds_between_lines: float = 15.0) -> None:
        self.seconds_between_lines = seconds_between_lines
        self.totals = Totals()
        self.rows: list[Row] = []
        self.seconds_before = 0.0
        self.started = 0.0
        self.printed = 0.0
        self.written = 0.0
        self.tokens_before = 0
        self.rate = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return the totals so far."""
        self.drain()
        return asdict(self.totals)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Count on from a checkpoint."""
        self.totals = Totals(**state_dict)
        self.seconds_before = self.totals.seconds

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Cut the table back to the updates of the checkpoint, and start the clock."""
        self.totals.dropped_lessons = int(getattr(getattr(trainer, "datamodule", None), "dropped_lessons", 0))
        self.tokens_before = self.totals.processed_tokens
        self.started = self.printed = self.written = time.monotonic()
        self.path = RunFolder.of(trainer).progress
        if trainer.is_global_zero:
            keep_lines(self.path, self.totals.updates + 1 if self.totals.updates else 0)
            if not self.totals.updates:
                write_text(self.path, COLUMNS)
        self.writes = trainer.is_global_zero

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Note the learning rate of this update; after the step the schedule has moved on."""
        self.rate = float(optimizer.param_groups[0]["lr"])

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Count an update when its last micro-batch is done."""
        plan = batch.plan
        if not plan.closes_update:
            return
        totals = self.totals
        totals.updates += 1
        totals.lessons += plan.update_lessons
        totals.processed_tokens += plan.update_tokens
        totals.supervised_tokens += plan.update_supervised_tokens
        now = time.monotonic()
        totals.seconds = self.seconds_before + now - self.started
        head = f"{totals.updates},{totals.lessons},{totals.processed_tokens},{totals.supervised_tokens}"
        # Loss and norm stay tensors until they are written: reading them at once would make a GPU wait at every update.
        tail = f"{self.rate:.8g},{totals.seconds:.3f}\n"
        loss, norm = getattr(pl_module, "update_loss", None), getattr(pl_module, "gradient_norm", None)
        self.rows.append(Row(head, loss, norm, tail))
        if now - self.written > SECONDS_BETWEEN_WRITES:
            self.drain()
            self.written = now
        if trainer.progress_bar_callback is None and now - self.printed > self.seconds_between_lines:
            self.print_line(trainer)
            self.printed = now

    def drain(self) -> None:
        """Read the waiting losses and write their rows."""
        rows, self.rows = self.rows, []
        if not rows:
            return
        lines = []
        for head, loss, norm, tail in rows:
            value, size = (math.nan if figure is None else float(figure) for figure in (loss, norm))
            self.totals.add_loss(int(head.split(",")[0]), value)
            lines.append(f"{head},{value!r},{size:.6g},{tail}")
        if self.writes:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(lines)

    def print_line(self, trainer: Trainer) -> None:
        """Print where the run is."""
        self.drain()
        if not trainer.is_global_zero:
            return
        totals = self.totals
        updates = int(getattr(getattr(trainer, "datamodule", None), "updates", 0))
        updates = min(updates, trainer.max_steps) if trainer.max_steps > 0 else updates
        elapsed = max(1e-9, totals.seconds - self.seconds_before)
        tokens = (totals.processed_tokens - self.tokens_before) / elapsed
        share = totals.updates / updates if updates else 0.0
        left = f", about {totals.seconds * (1 - share) / share / 60:.1f} min left" if share else ""
        print(
            f"update {totals.updates}/{updates or '?'}  loss {totals.final_loss:.4g}  {tokens:,.0f} tokens/s{left}",
            file=sys.stderr, flush=True,
        )  # fmt: skip

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the last rows."""
        if self.rows:
            self.print_line(trainer) if trainer.progress_bar_callback is None else self.drain()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write training.json: the run is complete."""
        if trainer.is_global_zero and not getattr(trainer, "fast_dev_run", False):
            write_text(RunFolder.of(trainer).totals, self.totals.to_json())

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write the rows of a run that stops early."""
        self.drain()
