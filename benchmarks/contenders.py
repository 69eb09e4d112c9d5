"""Contenders of the benchmarks of training: `tutelage train` and bare PyTorch loops, each a process that takes turns.

- packed     tutelage train as it is
- padded     the same with student.packing: false
- identical  a bare loop on the very batches of "padded": what the framework itself costs
- random     a bare loop that pads random batches of as many lessons: what padding costs

All compute logits at supervised positions only, clip gradients and step AdamW, the bare loops torch's fused one; their
LoRA is peft's as it comes. Nobody writes checkpoints: training does so by the clock (checkpoint.every_minutes), which
runs on in the turns of others, and at its end, which is not reached. What all of them train on is a folder, which
lesson_folder.py writes.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

from lesson_folder import RANK
from lightning.pytorch import Callback

WARM_UP = 2
MARK = "turn: "


def device_clock() -> float:
    """Return the time at which a CUDA device has done all that was asked of it."""
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.monotonic()


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": time.process_time, "device": device_clock}


class Turn(NamedTuple):
    """One update of a contender."""

    tokens: int
    """Its tokens without padding."""
    seconds: float
    """What it took."""
    places: int
    """Places of its batches, padding included."""
    peak_bytes: int
    """Most memory held so far: tensors on a CUDA device, or else the process."""


class EndedEarly(SystemExit):
    """A contender ended before its turn was over."""


class Turns:
    """Waits for this process's turn before every update, and tells the parent how long the one before took.

    Args:
        clock: Which time.
    """

    def __init__(self, clock: str) -> None:
        self.clock = CLOCKS[clock]
        self.begin: float | None = None
        self.tokens = self.places = 0
        self.between_updates = True

    def before(self, batch: Any) -> None:
        """Wait, if an update begins with this batch."""
        if self.between_updates:
            self.wait()
            self.tokens, self.places = batch.plan.update_tokens, 0
        self.places += batch.input_ids.numel()
        self.between_updates = batch.plan.closes_update

    def wait(self) -> None:
        """Report the update that has ended, and wait for the next."""
        if self.begin is not None:
            seconds = self.clock() - self.begin
            print(MARK + json.dumps(Turn(self.tokens, seconds, self.places, peak_bytes())), flush=True)
        sys.stdin.readline()
        self.begin = self.clock()


def peak_bytes() -> int:
    """Return the most memory that this process has held."""
    import torch

    if torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class TurnTaking(Callback):
    """Lets training wait for its turns: what happens between two updates counts for the one before.

    Args:
        clock: Which time.
    """

    def __init__(self, clock: str) -> None:
        self.turns = Turns(clock)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Wait."""
        self.turns.before(batch)


def compete(folder: Path, contender: str, clock: str) -> None:
    """Be a contender."""
    (train if contender in ("packed", "padded") else loop)(folder, contender, clock)


def train(folder: Path, contender: str, clock: str) -> None:
    """Train through the command line."""
    from lightning_modules.cli import train as fit

    out = folder / contender
    settings = read_settings(folder)
    settings["model"]["student"]["packing"] = contender == "packed"
    callback = {"class_path": "contenders.TurnTaking", "init_args": {"clock": clock}}
    settings["trainer"] |= {"default_root_dir": str(out), "callbacks": [callback]}
    out.with_suffix(".yaml").write_text(json.dumps(settings))
    fit(["fit", "--config", str(out.with_suffix(".yaml"))])


def loop(folder: Path, contender: str, clock: str) -> None:
    """Train with a bare loop, in the number formats that the framework takes."""
    import torch
    import torch.nn.functional as F
    from peft import LoraConfig, get_peft_model

    from students.precision import choose_precision

    settings = read_settings(folder)
    trainer, student = settings["trainer"], settings["model"]["student"]
    device, mixed = trainer["accelerator"], trainer.get("precision") == "bf16-mixed"
    weights = read_weights(student["weights"])
    inner: Any = weights.load(choose_precision("auto", frozen=bool(student["adapter"])).dtype).model.train()
    config = LoraConfig(r=RANK, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model: Any = (get_peft_model(inner, config) if student["adapter"] else inner).to(device)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=2e-4, weight_decay=0.01, fused=True
    )
    batches, turns = read_batches(settings), Turns(clock)
    for planned in shuffled(batches) if contender == "random" else map(batches.numbered, range(len(batches))):
        batch = planned.to(device)
        turns.before(batch)
        with torch.autocast(device, torch.bfloat16, enabled=mixed):
            hidden = inner.model(input_ids=batch.input_ids, use_cache=False).last_hidden_state.flatten(0, 1)
            total: Any = F.cross_entropy(inner.lm_head(hidden[batch.positions]), batch.targets, reduction="sum")
        (total / batch.plan.update_supervised_tokens).backward()
        if batch.plan.closes_update:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what train.yaml says."""
    return json.loads((folder / "train.yaml").read_text())  # type: ignore[no-any-return]


def read_weights(settings: dict[str, Any]) -> Any:
    """Return the weights that settings name."""
    import students

    return getattr(students, settings["class_path"].removeprefix("students."))(**settings["init_args"])


def read_batches(settings: dict[str, Any]) -> Any:
    """Return the framework's own micro-batches."""
    from lightning_modules import CurriculumDataModule
    from students import RationaleThenAnswer, Student

    data = CurriculumDataModule(**{**settings["data"], "rendering": RationaleThenAnswer()})
    whole = data.build(Student(read_weights(settings["model"]["student"]["weights"])).encoder)
    pieces = settings["trainer"].get("accumulate_grad_batches", 1)
    return replace(whole, sampler=replace(whole.sampler, micro_batches=pieces).check())


def shuffled(batches: Any) -> Iterator[Any]:
    """Yield padded batches of random lessons, each an update."""
    import numpy as np

    from lightning_modules.data.collate import Plan, Weighted, collate

    order = list(range(len(batches.lessons)))
    random.Random(0).shuffle(order)
    size = batches.sampler.lessons_per_update
    for start in range(0, len(order), size):
        sequences = [batches.lessons.sequence(k) for k in order[start : start + size]]
        supervised = sum(int((sequence.weights[1:] > 0).sum()) for sequence in sequences)
        tokens = sum(len(sequence.tokens) for sequence in sequences)
        plan = Plan(update_tokens=tokens, update_supervised_tokens=supervised)
        yield collate([Weighted(sequence) for sequence in sequences], np.ones(1), plan)


def start(folder: Path, contender: str, clock: str, threads: int, said: IO[str] | None = None) -> subprocess.Popen[str]:
    """Start a contender in a process of its own.

    Args:
        folder: What it trains on.
        contender: Which one.
        clock: Which time it tells.
        threads: Threads it computes with.
        said: Where its log and its warnings go; None for where this process's go.
    """
    command = [sys.executable, __file__, str(folder), contender, clock]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, text=True, env=environment)


def turn(process: subprocess.Popen[str]) -> Turn:
    """Let a contender make one update."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith(MARK):
            return Turn(*json.loads(line.removeprefix(MARK)))
    raise EndedEarly(f"A contender ended early, with exit code {process.wait()}.")


if __name__ == "__main__":
    compete(Path(sys.argv[1]), *sys.argv[2:])
