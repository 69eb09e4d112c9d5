"""Work that a course has done by a process of its own: the config is written down, the command started, and waited for.

So memory is given back when it ends, and whoever wants to can run the very same command by hand.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from lessons.errors import BadInput, Stopped, TutelageError
from lessons.files import write_text
from tutelage.processes import PARENT_VARIABLE
from tutelage.settings import JSON

__all__ = ["WorkFailed", "WorkRefused", "run_child"]


class WorkFailed(TutelageError, RuntimeError):
    """A process of a course ended with an error. Its own message stands above; run again to go on where it stopped."""


class WorkRefused(BadInput):
    """A process of a course refused its config or its data. Its own message stands above."""


def run_child(work: str, words: Sequence[str], config: Mapping[str, JSON], path: Path, *arguments: str) -> None:
    """Write a config, run `python -m tutelage <words> --config <path> <arguments>` and wait for its end.

    Args:
        work: What it does, for messages: "Training".
        words: The command.
        config: Its settings.
        path: Where they are written to.
        arguments: What follows them on the command line.

    Raises:
        WorkRefused: The settings or the data cannot be used.
        WorkFailed: The process ended with an error.
        Stopped: It was stopped.
    """
    write_text(path, yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
    command = [sys.executable, "-m", "tutelage", *words, "--config", str(path), *arguments]
    environment = {**os.environ, PARENT_VARIABLE: str(os.getpid())}
    with subprocess.Popen(command, env=environment) as process:
        try:
            code = process.wait()
        except BaseException:  # a stop: the child saves what it has and ends
            process.terminate()
            process.wait()
            raise
    explain(work, code, " ".join(command))


def explain(work: str, code: int, command: str) -> None:
    """Turn the exit code of a process into an error."""
    if code == 0:
        return
    again = f"The command was: {command}"
    if code == 3:
        raise Stopped(f"{work} was stopped, with all it had saved. Run the same command again to go on. {again}")
    if code == 2:
        raise WorkRefused(f"{work} refused its settings or data; its own message stands above. {again}")
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    raise WorkFailed(
        f"{work} {how}; if it said why, that stands above. Once the cause is mended, run the same command again to "
        f"go on from what was saved. {again}"
    )
