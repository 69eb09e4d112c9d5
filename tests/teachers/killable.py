"""Distillation in processes that can be killed: a parent imports everything once and forks a child for each run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Forker", "forker"]


class Forker:
    """Starts runs one after the other. Each is a process of its own, killed without a chance to clean up."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = 0

    def start(self, **arguments: Any) -> None:
        """Start one run."""
        self.tell(json.dumps(arguments))
        self.pid = int(self.hear())

    def kill(self) -> bool:
        """Kill the run with SIGKILL; return whether it was still going on."""
        os.kill(self.pid, signal.SIGKILL)  # ended or not: its parent collects it only in `wait`
        return self.wait() == -signal.SIGKILL

    def wait(self) -> int:
        """Return the exit code of the run, or minus the signal that ended it."""
        self.tell("wait")
        return int(self.hear())

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the parent of the runs ended"
        return line


@contextmanager
def forker(environment: dict[str, str]) -> Iterator[Forker]:
    """Start the parent of all runs."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, __file__], env={**os.environ, **environment}, **pipes) as process:
        started = Forker(process)
        started.hear()  # everything is imported: from here on a run takes its own time
        try:
            yield started
        finally:
            process.kill()


def run(folder: str, vendor: str, url: str, prompts: int, in_flight: int, batches: dict[str, Any] | None) -> None:
    """Distil sums into a folder, live or in batches."""
    from lessons.graders import NumberGrader
    from lessons.records import Message, Prompt
    from teachers import AnthropicBackend, DifficultyAnnotator, Limits, OpenAIBackend, RationaleAnnotator, distill
    from teachers.batches.batching import Batches

    make = OpenAIBackend if vendor == "openai" else AnthropicBackend
    teacher = make("model", url, "TEST_KEY", 1.0, 2.0)
    pairs = [(100 + k, 7 * k % 1_000) for k in range(prompts)]
    distill(
        [Prompt(f"p{a}", (Message("user", f"{a}+{b}=?"),), reference=str(a + b)) for a, b in pairs],
        teacher,
        [RationaleAnnotator(), DifficultyAnnotator()],
        NumberGrader(),
        Path(folder) / "ledger.sqlite",
        Path(folder) / "lessons.parquet",
        Limits(in_flight=in_flight, first_wait_seconds=0.01),
        progress=False,
        **({} if batches is None else {"batches": Batches(**batches)}),
    )


def serve_runs() -> None:
    """Import everything, then fork a run for each line of standard input."""
    import anthropic
    import openai

    import lessons.tables
    import teachers

    _ = (anthropic.DefaultAioHttpClient, openai.DefaultAioHttpClient, lessons.tables, teachers.Ledger)
    print("ready", flush=True)
    pid = 0
    for line in sys.stdin:
        if line == "wait\n":
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
            continue
        arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                run(**arguments)
                code = 0
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    serve_runs()
