"""The process that forks programs for `tests/forked.py`: it imports what it is told, then starts one for each request.

Requests and answers are lines of JSON. What a program starts itself need not wait for imports either: spare processes
stand ready from its beginning, for to fork one that has threads is not safe. They are its children like any others, and
each waits for its command line, its variables and its outputs, or for the program's end.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

PYTHON = [sys.executable, "-m"]
LONGEST_COMMAND = 2**17  # bytes, with its variables


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


def become(
    module: str, arguments: list[str], folder: str, environment: dict[str, str], outputs: list[str], children: int
) -> int:
    """Turn this process into `python -m module arguments`; return its exit code."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    for number, path in enumerate([os.devnull, *outputs]):
        kind = os.O_WRONLY | os.O_APPEND | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(path, kind), number)
    keep_spares(children)
    return play(module, arguments)


def play(module: str, arguments: list[str]) -> int:
    """Run a module as a program; return its exit code."""
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def keep_spares(count: int) -> None:
    """Fork processes that wait; the next `python -m module arguments` that this one starts are run by them."""
    start_anew: Callable[..., int] = subprocess._fork_exec  # type: ignore[attr-defined]
    spares: list[tuple[int, socket.socket]] = []
    for _ in range(count):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            for line in (ours, *(line for _, line in spares)):
                line.close()  # or no spare would notice that the program has ended
            wait_for_work(theirs)
        theirs.close()
        spares.append((pid, ours))

    def start(
        command: Sequence[str | bytes], programs: Any, close: bool, kept: Any, folder: Any, variables: Any, *rest: Any
    ) -> int:
        words = [os.fsdecode(word) for word in command]
        if not spares or words[:2] != PYTHON:
            return start_anew(command, programs, close, kept, folder, variables, *rest)
        pid, line = spares.pop(0)
        outputs = {number: pipe for number, pipe in enumerate((rest[0], rest[3], rest[5])) if pipe != -1}
        given = {
            "words": words[2:],
            "folder": os.fsdecode(folder) if folder else str(Path.cwd()),
            "variables": dict(os.environ) if variables is None else dict(map(pair, variables)),
            "numbers": list(outputs),
        }
        socket.send_fds(line, [json.dumps(given).encode()], list(outputs.values()))
        line.close()
        return pid

    subprocess._fork_exec = start  # type: ignore[attr-defined]


def pair(variable: bytes) -> tuple[str, str]:
    """Take apart what an environment holds."""
    name, _, value = os.fsdecode(variable).partition("=")
    return name, value


def wait_for_work(line: socket.socket) -> NoReturn:
    """Become the program that is asked for, or end with the one that would ask."""
    message, descriptors, _, _ = socket.recv_fds(line, LONGEST_COMMAND, 3)
    if not message:
        os._exit(0)
    line.close()
    given = json.loads(message)
    for number, descriptor in zip(given["numbers"], descriptors, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(given["folder"])
    os.environ.clear()
    os.environ.update(given["variables"])
    leave(play(given["words"][0], given["words"][1:]))


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
