"""What every teacher of logits is: something that says what comes next, at the supervised positions of a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from lightning_modules.data.collate import Batch
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.losses import Projection, TopK
from students.student import Student

__all__ = ["LogitTeacher"]


class LogitTeacher(ABC):
    """Says what comes next, at every supervised position of a batch."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Who it is, for the log."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 over all that its distributions depend on: a run is resumed with the same one."""

    @abstractmethod
    def check(self, student: Student) -> None:
        """Refuse, before any weights are read, a teacher that cannot teach this student.

        Raises:
            BadInput: It cannot.
        """

    @abstractmethod
    def says(self, batch: Batch) -> Projection | TopK:
        """Return its distributions at the batch's supervised positions."""

    @property
    def tokens_told(self) -> int | None:
        """How many of its most probable tokens it tells; None for all of them."""
        return None

    def load(self, device: torch.device, double: bool = False) -> object:
        """Make ready on the student's device, in float64 if the student computes in it."""
        return self

    def companion(self, rendered: RenderedLessons) -> Companion | None:
        """Return what adds its words to every batch; None if it needs nothing there."""
        return None
