"""What one check found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from lessons.errors import TutelageError

__all__ = ["Finding", "guarded"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    status: Literal["ok", "warn", "fail"]
    """ok: as it should be; warn: works, but look; fail: will not work."""
    what: str
    """What was looked at, in one or two words."""
    text: str
    """What was found, and for a failure what to do."""
    picture: Text | None = None
    """Something to look at below the line."""


def guarded(what: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Run a check; an error raised on purpose becomes a failure, so that the other checks still run."""
    try:
        yield from check()
    except TutelageError as error:
        yield Finding("fail", what, str(error))
