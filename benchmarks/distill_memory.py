"""Resident memory of a long `distill`: 200,000 prompts against 2,000, each in a fresh process.

python benchmarks/distill_memory.py
"""

from __future__ import annotations

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

SIZES = (2_000, 200_000)


def additions(count: int) -> Iterator[Prompt]:
    for k in range(count):
        yield addition(k, 3 * k + 1)


def measure(count: int) -> dict[str, float]:
    """Distil in this process and return its peak memory in MB and its rate in prompts a second."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        summary = distill(
            prompts=additions(count),
            teacher=ScriptedBackend(function="teachers.programs.addition:answer"),
            annotators=[RationaleAnnotator()],
            grader=NumberGrader(),
            ledger=Path(folder) / "ledger.sqlite",
            out=Path(folder) / "lessons.parquet",
            limits=Limits(in_flight=200),
        )
        elapsed = time.perf_counter() - begin
        print(summary, file=sys.stderr)
    return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "per_second": count / elapsed}


def main() -> None:
    if len(sys.argv) == 2:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    print(describe_machine())
    peaks = []
    for size in SIZES:
        done = subprocess.run([sys.executable, __file__, str(size)], check=True, stdout=subprocess.PIPE, text=True)
        figures = json.loads(done.stdout)
        peaks.append(figures["peak_mb"])
        print(f"{size:>7} prompts: peak {figures['peak_mb']:.0f} MB, {figures['per_second']:.0f} prompts/s", flush=True)
    print(f"growth {peaks[1] - peaks[0]:.0f} MB (limit 300 MB)")


if __name__ == "__main__":
    main()
