"""What every source of prompts is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from lessons.records import Prompt

__all__ = ["PromptSource"]


class PromptSource(ABC):
    """Yields prompts, the same ones in the same order every time."""

    @abstractmethod
    def prompts(self) -> Iterator[Prompt]:
        """Yield the prompts in order. Raises `DataError` naming file and line (or row) for unusable input."""
