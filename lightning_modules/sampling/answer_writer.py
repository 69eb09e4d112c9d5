"""Who writes the answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lightning_modules.sampling.answers import Asked
from students.decoding import Generation
from students.student import Student

__all__ = ["AnswerWriter", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """What one process wants written before an update."""

    asked: Sequence[Asked]
    """The prompts."""
    generation: Generation
    """How long answers may be and how they are sampled."""
    uniforms: Sequence[npt.NDArray[np.float64]]
    """For each prompt the numbers in [0, 1) to draw its tokens with, [max_new_tokens] each: they depend on seed,
    update, sequence and copy alone, so a writer that uses them writes the same whatever the batches and processes."""
    update: int
    """The update they are for."""


class AnswerWriter(ABC):
    """Writes the answers that the student is trained on."""

    @property
    def fresh(self) -> bool:
        """Whether every answer is written with the weights that the student has at that moment."""
        return True

    def check(self) -> None:  # noqa: B027 - the student in the run has nothing to check
        """Refuse settings that cannot work, before anything is loaded.

        Raises:
            ConfigError: They cannot.
        """

    @abstractmethod
    def write(self, student: Student, request: Request) -> list[list[int]]:
        """Return the tokens written to every prompt, the end-of-turn token included, at least one each.

        An answer that does not end with one of `student.encoder.stop_ids` counts as truncated. Every process calls this
        once in every update that is sampled, also with nothing to ask.
        """
