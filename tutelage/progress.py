"""Progress on stderr: a bar with rate and time left in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

__all__ = ["Progress", "say"]

SECONDS_BETWEEN_LINES = 15.0


def say(message: str) -> None:
    """Print one plain line about the work to stderr."""
    print(message, file=sys.stderr, flush=True)


class Progress:
    """A context that shows how far some work is.

    Args:
        title: What is being done.
        total: How much there is to do.
        unit: What is counted, in the plural.
    """

    def __init__(self, title: str, total: int, unit: str) -> None:
        self.title = title
        self.total = total
        self.unit = unit
        self.started = time.monotonic()
        self.last_line = self.started
        self.bar: RichProgress | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> Progress:
        self.started = self.last_line = time.monotonic()
        if sys.stderr.isatty():
            self.bar = terminal_bar()
            self.task = self.bar.add_task(self.title, total=self.total, unit=self.unit)
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def at(self, done: int, total: int | None = None) -> None:
        """Show that `done` of `total` are finished."""
        self.total = total if total is not None else self.total
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=done, total=self.total)
            return
        now = time.monotonic()
        if now - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = now
            say(self.line(done, now - self.started))

    def line(self, done: int, seconds: float) -> str:
        """Return the plain line for this moment."""
        rate = done / seconds if seconds else 0.0
        left = f", {(self.total - done) / rate:.0f} s left" if rate and self.total else ""
        return f"{self.title}: {done} of {self.total} {self.unit}, {rate:.1f} a second{left}"


def terminal_bar() -> RichProgress:
    """Return a bar for terminals."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
