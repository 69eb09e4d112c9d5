"""What an annotator will ask of a model besides its own teacher, as far as it is known before a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from teachers.backend import Request, TeacherBackend

__all__ = ["Foresight"]


@dataclass(frozen=True, slots=True)
class Foresight:
    """What one model will be asked about one prompt."""

    backend: TeacherBackend
    """The model."""
    sure: Sequence[Request]
    """The requests sure to be made."""
    most: int
    """At most so many calls in all."""
    largest: Callable[[], Request | None]
    """Makes a request of typical size, the largest there may be; None when nothing is asked. A ledger that answers all
    needs none."""
