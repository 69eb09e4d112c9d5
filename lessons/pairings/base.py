"""What a pairing is: a lesson in, pairs of a better and a worse text out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lessons.errors import ConfigError
from lessons.records import Lesson

__all__ = ["Candidate", "Pair", "Pairing", "across", "check_count"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that somebody wrote for a prompt, as a student would have to write it."""

    text: str
    """All of it, the line "Answer: ..." included where it gives an answer."""
    score: float
    """How good it is: 1 and 0 for graded right and wrong, else what a judge gave, usually in [0, 1]."""
    author: str = ""
    """The model that wrote it; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two different texts about one prompt."""

    chosen: Candidate
    """The better one."""
    rejected: Candidate
    """The worse one."""

    @property
    def gap(self) -> float:
        """By how much the better one is better, in the unit of their scores."""
        return self.chosen.score - self.rejected.score


class Pairing(ABC):
    """Chooses which texts about a prompt are set against each other.

    It reads `Lesson.written`: further samples and wrong ones too. A view of the lessons, made anew whenever it is
    needed; nothing of it is stored.
    """

    @abstractmethod
    def pairs(self, lesson: Lesson) -> list[Pair]:
        """Return the lesson's pairs; none where its prompt has not got two texts of that sort."""


def across(better: Sequence[Candidate], worse: Sequence[Candidate]) -> Iterator[Pair]:
    """Yield every pair of two different texts, such that all texts are used before one is used again.

    The first with the first, the second with the second ...; then the first with the second, and so on.

    >>> good, bad = ([Candidate(name, 0.0) for name in names] for names in ("ab", "xyz"))
    >>> " ".join(pair.chosen.text + pair.rejected.text for pair in across(good, bad))
    'ax by ay bz az bx'
    """
    for shift in range(len(worse)):
        for k, chosen in enumerate(better):
            rejected = worse[(k + shift) % len(worse)]
            if chosen.text != rejected.text:
                yield Pair(chosen, rejected)


def check_count(pairing: Pairing, pairs_per_prompt: int) -> None:
    """Refuse a number of pairs below one.

    Raises:
        ConfigError: It is below one.
    """
    if pairs_per_prompt < 1:
        raise ConfigError(
            f"{type(pairing).__name__} got pairs_per_prompt={pairs_per_prompt}, so that there would be nothing to "
            "learn. Allowed is 1 or more. Correct `pairs_per_prompt`."
        )
