"""Programs that start at once: one process imports what is slow to import, and forks a process for each start.

A program started so is as real as any: it has a number, a process group, an output and an exit code of its own, and can
be killed at any moment. Only its imports were done before. Warnings are errors in all of them.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["Forker", "Process", "forker"]

REPOSITORY = Path(__file__).resolve().parents[1]
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
    ) -> Process:
        """Start a program; with `one_output`, what it complains of stands between what it prints."""
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
        [sys.executable, __file__, *imports],
        cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    with process:
        started = Forker(process, folder)
        started.ask()
        yield started


def serve() -> int:
    """Fork a program for each request on standard input, until it is closed. In a forked process, run the program."""
    running: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        answer = None
        if "module" in request:
            answer = os.fork()
            if answer == 0:
                return become(**request)
            running.add(answer)
        elif "poll" in request:
            answer = ended(request["poll"])
            running -= {request["poll"]} if answer is not None else set()
        print(json.dumps(answer), flush=True)
    for pid in running:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # with the processes it started itself
    return 0


def ended(pid: int) -> int | None:
    """Return the exit code of a forked process, or minus the signal that ended it, or None while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def become(module: str, arguments: list[str], folder: str, environment: dict[str, str], outputs: list[str]) -> int:
    """Turn this process into `python -m module arguments`; return its exit code."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    for number, path in enumerate([os.devnull, *outputs]):
        kind = os.O_WRONLY | os.O_APPEND | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(path, kind), number)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def leave(code: int) -> NoReturn:
    """End as an interpreter does, but do not take apart what was imported: that alone takes a second."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        importlib.import_module(name)
    gc.freeze()  # or a collection in a forked process would copy all that was imported
    leave(serve())
