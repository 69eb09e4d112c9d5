"""What every grader is: a pure function from an answer and its prompt to a mark."""

from __future__ import annotations

from abc import ABC, abstractmethod

from lessons.records import Grade, Prompt

__all__ = ["Grader"]


class Grader(ABC):
    """Marks an answer against its prompt's reference. Pure: no clock, no network, no randomness."""

    version: int = 1
    """Raised whenever the same answer could get another mark; part of `name`."""

    @property
    def name(self) -> str:
        """Name and version as stored with every grade, for example "number/1" for `NumberGrader`."""
        return f"{type(self).__name__.removesuffix('Grader').lower()}/{self.version}"

    @abstractmethod
    def grade(self, text: str, prompt: Prompt) -> Grade:
        """Mark `text`, a whole answer or just its final part, for `prompt`.

        Never raises on any text. Raises `DataError` when the prompt cannot be graded (no reference, wrong kind).
        """
