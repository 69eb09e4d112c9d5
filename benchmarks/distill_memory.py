"""Long `distill` runs with the ledger on: memory, speed, size of the ledger; and once more when all is answered.

At 10,000, 100,000 and a million prompts, each run in a process of its own. Processor time is given beside the time that
passed, because the machine is shared.

    python benchmarks/distill_memory.py [--sizes 10000 100000 1000000]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from machine import describe_machine

from lessons import NumberGrader
from lessons.records import Prompt
from lessons.sources.arithmetic import addition
from teachers import Limits, RationaleAnnotator, ScriptedBackend, distill


def additions(count: int) -> Iterator[Prompt]:
    for k in range(count):
        yield addition(k, 3 * k + 1)


def measure(count: int, folder: Path) -> dict[str, float]:
    """Distil in this process; return its peak memory, its time, the calls it made and what the ledger takes."""
    begin = time.perf_counter()
    summary = distill(
        prompts=additions(count),
        teacher=ScriptedBackend(function="teachers.programs.addition:answer"),
        annotators=[RationaleAnnotator()],
        grader=NumberGrader(),
        ledger=folder / "ledger.sqlite",
        out=folder / "lessons.parquet",
        limits=Limits(in_flight=200),
        progress=False,
    )
    return {
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "calls": summary.calls,
        "annotations": summary.annotations,
        "ledger_mb": sum(path.stat().st_size for path in folder.glob("ledger.sqlite*")) / 1e6,
    }


def in_a_process(count: int, folder: Path) -> dict[str, float]:
    """Measure one run in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--sizes", str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def shown(figures: dict[str, float]) -> str:
    return (
        f"{figures['annotations'] / figures['seconds']:,.0f} annotations/s in {figures['seconds']:.0f} s "
        f"({figures['cpu_seconds']:.0f} s of processor), peak {figures['peak_mb']:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.folder:
        print(json.dumps(measure(arguments.sizes[0], arguments.folder)))
        return
    print(describe_machine(), flush=True)
    peaks = []
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as name:
            first, again = (in_a_process(size, Path(name)) for _ in range(2))
        peaks.append(first["peak_mb"])
        print(f"{size:>9,} prompts: {shown(first)}, ledger {1_000 * first['ledger_mb'] / size:.2f} kB a prompt")
        print(f"{'once more':>17}: {shown(again)}, {again['calls']:.0f} calls", flush=True)
    print(f"growth of the peak from the smallest to the largest: {peaks[-1] - peaks[0]:.0f} MB (limit 300 MB)")


if __name__ == "__main__":
    main()
