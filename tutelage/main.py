"""The command `tutelage`: picks a command, runs it, turns errors into one paragraph and an exit code.

Exit codes: 0 done, 1 failed, 2 bad usage or bad input, 3 stopped with everything saved (run again to go on).
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from lessons.errors import BadInput, Stopped, TutelageError

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "distill": "ask a teacher about prompts: prompts x annotators -> verified lessons",
    "plan": "decide what is learnt in which order: lessons -> signals -> curriculum and its picture",
    "logits": "store what a local teacher finds probable at every token to be learnt, for logit distillation",
    "train": "fine-tune a student on a curriculum (Lightning's command line: `train fit --config ...`)",
    "evaluate": "let a student, a base model or a teacher sit an exam -> attempts and a report card",
    "course": "all of the above in rounds, resumable at the first unfinished step, with a report",
    "show": "look at a ledger, lessons, a curriculum, attempts or a report",
    "doctor": "check a course before money and hours are spent on it",
}

DEBUG_VARIABLE = "TUTELAGE_DEBUG"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        arguments: What follows `tutelage`; None takes the process's own.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"tutelage {version('tutelage')}")
        return 0
    name, *rest = words
    if name not in COMMANDS:
        complain(
            f"No command {name!r}. The commands are {', '.join(COMMANDS)}. "
            "Run `tutelage --help` to see what each of them does."
        )
        return 2
    with terminations_as_interrupts():
        return exit_code(lambda: run(name, rest))


def run(name: str, arguments: list[str]) -> None:
    """Import the command's module, and only that, and run it."""
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # bars in a log file are noise
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # plugins of your own: `class_path: my_module.MyAnnotator` in the working folder
    from tutelage.processes import end_with_parent

    end_with_parent()
    if name == "train":
        gc.disable()  # nothing that is imported is garbage, and to look for some takes a fifth of the time
        cli = importlib.import_module("lightning_modules.cli")
        gc.enable()
        cli.train(arguments)
        return
    from tutelage.command_line import run_function

    if name == "show" and arguments and not arguments[0].startswith("-"):
        arguments = ["--path", *arguments]  # `tutelage show runs/quickstart`

    module = importlib.import_module(f"tutelage.commands.{name}")
    run_function(getattr(module, name), f"tutelage {name}", arguments)


def exit_code(work: Callable[[], None]) -> int:
    """Do the work; turn the errors that are raised on purpose into a paragraph on stderr and an exit code."""
    try:
        work()
    except KeyboardInterrupt:
        complain("Stopped by the user. What was finished is saved: run the same command again to go on.")
        return 3
    except BrokenPipeError:  # `tutelage show ... | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except TutelageError as error:
        if os.environ.get(DEBUG_VARIABLE, "") not in ("", "0"):
            raise
        complain(str(error))
        return 3 if isinstance(error, Stopped) else 2 if isinstance(error, BadInput) else 1
    return 0


def complain(message: str) -> None:
    """Print one paragraph to stderr."""
    print("tutelage:", message, file=sys.stderr)


def overview() -> str:
    """Return the text of `tutelage --help`, written by hand so that it costs no import."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: tutelage [--help] [--version] <command> [--config file.yaml] [--setting value ...]",
            "",
            "Teacher-student distillation: a teacher writes verified lessons, a curriculum orders them, a student is",
            "fine-tuned on them and sits an exam.",
            "",
            "commands:",
            *lines,
            "",
            "`tutelage <command> --help` lists a command's settings; all of them may stand in the --config file.",
            "`tutelage <command> --config file.yaml --print_config` prints the settings as understood.",
            "Exit codes: 0 done, 1 failed, 2 bad usage or input, 3 stopped with everything saved (run again to go on).",
            f"{DEBUG_VARIABLE}=1 shows the traceback of an error.",
        ]
    )


@contextmanager
def terminations_as_interrupts() -> Iterator[None]:
    """Treat SIGTERM (a job scheduler's stop) like Ctrl-C: files are closed and the exit code says "stopped"."""

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread: someone else owns the signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
