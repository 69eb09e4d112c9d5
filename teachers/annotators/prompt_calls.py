"""The calls that a prompt will take of a model, as far as they are known before a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from teachers.backend import Request, TeacherBackend

__all__ = ["PromptCalls"]


@dataclass(frozen=True, slots=True)
class PromptCalls:
    """The calls that one model will get about one prompt."""

    backend: TeacherBackend
    """The model."""
    sure: Sequence[Request]
    """The requests sure to be made."""
    most: int
    """At most so many calls in all."""
    largest: Callable[[], Request | None]
    """Makes a request of typical size, the largest there may be; None when nothing is asked. A ledger that answers all
    needs none."""
