"""Progress on stderr: a bar with rate, time left and dollars in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

__all__ = ["Progress", "duration"]

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_UPDATES = 0.1


class Progress:
    """A context that shows how far some work is, how fast, how long it will take, and what it cost so far.

    Args:
        title: What is being done.
        total: How much there is to do; None when not known.
        unit: What is counted, in the plural.
        shown: False shows nothing at all.
        stream: Where to; None for stderr.
        interval_seconds: Time between plain lines, where there is no terminal.
    """

    def __init__(
        self,
        title: str,
        total: int | None = None,
        unit: str = "items",
        shown: bool = True,
        stream: TextIO | None = None,
        interval_seconds: float = SECONDS_BETWEEN_LINES,
    ) -> None:
        self.title = title
        self.total = total
        self.unit = unit
        self.shown = shown
        self.stream = stream
        self.interval_seconds = interval_seconds
        self.bar: RichProgress | None = None
        self.task: TaskID | None = None
        self.done = 0
        self.dollars: float | None = None
        self.likely_dollars: float | None = None
        self.started = self.updated = self.printed = time.monotonic()

    def __enter__(self) -> Progress:
        self.started = self.updated = self.printed = time.monotonic()
        self.stream = self.stream or sys.stderr
        if self.shown and self.stream.isatty():
            self.bar = terminal_bar(self.stream)
            self.task = self.bar.add_task(self.title, total=self.total, unit=self.unit, rate="", dollars="")
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.draw()
            self.bar.stop()
        elif self.shown and self.stream is not None:
            print(self.line(), file=self.stream, flush=True)

    @property
    def due(self) -> bool:
        """Whether `at` would show anything now: where its figures take time to add up."""
        return self.shown and time.monotonic() - self.updated >= SECONDS_BETWEEN_UPDATES

    def at(self, done: int, dollars: float | None = None, likely_dollars: float | None = None) -> None:
        """Show that so much is finished, what it cost, and what all will likely cost. Cheap enough for every item."""
        self.done, self.dollars, self.likely_dollars = done, dollars, likely_dollars
        now = time.monotonic()
        if not self.shown or now - self.updated < SECONDS_BETWEEN_UPDATES:
            return
        self.updated = now
        if self.bar is not None:
            self.draw()
        elif now - self.printed >= self.interval_seconds:
            self.printed = now
            print(self.line(), file=self.stream, flush=True)

    def draw(self) -> None:
        """Update the bar."""
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=self.done, rate=f"{self.rate():.1f}/s", dollars=self.money())

    def money(self) -> str:
        """Write what was spent and what all will likely cost; nothing where no money is spent."""
        if self.dollars is None:
            return ""
        likely = "" if self.likely_dollars is None else f" of about ${self.likely_dollars:.2f}"
        return f"${self.dollars:.4f}{likely}"

    def rate(self) -> float:
        """Return the items finished per second, over the whole time."""
        return self.done / max(time.monotonic() - self.started, 1e-9)

    def line(self) -> str:
        """Return the state as one plain line."""
        seconds = time.monotonic() - self.started
        of = "" if self.total is None else f"/{self.total}"
        parts = [f"{self.title}: {self.done}{of} {self.unit}", f"{self.rate():.1f}/s", f"{duration(seconds)} so far"]
        if self.total is not None and 0 < self.done < self.total:
            parts.append(f"{duration((self.total - self.done) * seconds / self.done)} to go")
        if self.dollars is not None:
            parts.append(self.money())
        return ", ".join(parts)


def terminal_bar(stream: TextIO) -> RichProgress:
    """Make a bar for terminals."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}  {task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("[green]{task.fields[dollars]}"),
        console=Console(file=stream),
    )


def duration(seconds: float) -> str:
    """Write a time span.

    >>> duration(3_725), duration(65), duration(4.2)
    ('1 h 02 min', '1 min 05 s', '4 s')
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
