"""What a run does, batch by batch, and its sudden death: trainers of other processes name this callback by its path."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback

MOMENTS = ("before the batch", "with gradients", "before the step", "after the step", "while it saves")
"""When a run may die: the last three only come where an update closes."""


class Diary(Callback):
    """Writes a line for every micro-batch: digests of what was read and of all weights after it, and its loss.

    Args:
        path: The file, one JSON object a line.
        dies_at: Number of the micro-batch, counted from 0 over the whole run, at which the process kills itself as
            `kill -9` would; None: it lives.
        moment: When, at or after that micro-batch: one of `MOMENTS`.
    """

    def __init__(self, path: str, dies_at: int | None = None, moment: str = MOMENTS[0]) -> None:
        self.path = path
        self.dies_at = dies_at
        self.moment = moment
        self.count = 0

    def state_dict(self) -> dict[str, Any]:
        """Count on in a resumed run."""
        return {"count": self.count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.count = int(state_dict["count"])

    def die(self, moment: str) -> None:
        if self.dies_at is not None and self.count >= self.dies_at and moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.die("before the batch")

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        self.die("with gradients")

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        self.die("before the step")

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch.plan.closes_update:
            self.die("after the step")
        tensors = {name: getattr(batch, name) for name in ("input_ids", "positions", "targets", "weights", "parts")}
        line = {
            "update": batch.plan.update,
            "lessons": batch.plan.lesson_ids,
            "batch": digest({**tensors, "totals": batch.totals, **batch.extras}),
            "loss": float(outputs["loss"]).hex(),
            "weights": digest({name: p for name, p in pl_module.named_parameters() if p.requires_grad}),
        }
        with Path(self.path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.count += 1

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        self.die("while it saves")


def digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return SHA-256 over names, shapes and bytes."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
