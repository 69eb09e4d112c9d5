"""Programs that start at once: one process imports what is slow to import, and forks a process for each start.

A program started so is as real as any: it has a number, a process group, an output and an exit code of its own, and can
be killed at any moment. Only its imports were done before. Warnings are errors in all of them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Forker", "Process", "forker"]

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAM = REPOSITORY / "tests" / "forking.py"
SECONDS_BETWEEN_LOOKS = 0.01


class Process:
    """A program that was started. Its methods are those of `subprocess.Popen`."""

    def __init__(self, parent: Forker, pid: int, outputs: Sequence[Path]) -> None:
        self.parent = parent
        self.pid = pid
        self.outputs = outputs
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self.parent.ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout: float = 600) -> int:
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return code

    def communicate(self, timeout: float = 600) -> tuple[str, str]:
        self.wait(timeout)
        printed, complained = (path.read_text() for path in self.outputs)
        return printed, complained

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forker:
    """Starts programs as `python -m module arguments` would, out of a process that has imported what they need."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.started = 0

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        one_output: bool = False,
        children: int = 0,
    ) -> Process:
        """Start a program; with `one_output`, what it complains of stands between what it prints.

        Of the programs that it starts itself, so many `children` wait for no imports either.
        """
        self.started += 1
        outputs = [
            self.folder / f"{self.started}.out",
            self.folder / f"{self.started}.{'out' if one_output else 'err'}",
        ]
        pid = self.ask(
            module=module,
            arguments=list(arguments),
            folder=str(folder or Path.cwd()),
            environment=dict(os.environ if environment is None else environment),
            outputs=[str(path) for path in outputs],
            children=children,
        )
        return Process(self, pid, outputs)

    def run(self, module: str, arguments: Sequence[str], **settings: Any) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, as `subprocess.run` does."""
        process = self.start(module, arguments, **settings)
        printed, complained = process.communicate()
        return subprocess.CompletedProcess([module, *arguments], process.wait(), printed, complained)

    def ask(self, **request: Any) -> Any:
        """Hand a request to the process that forks, and return its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the process that forks has ended"
        return json.loads(answer)


@contextmanager
def forker(folder: Path, *imports: str, **variables: str) -> Iterator[Forker]:
    """Start a process that has imported these modules; what it started and still runs at the end is killed."""
    paths = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error", **variables}
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), *imports],
        cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    with process:
        started = Forker(process, folder)
        started.ask()
        yield started
