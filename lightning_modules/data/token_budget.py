"""How lessons of different lengths are cut into a given number of micro-batches of few tokens each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

__all__ = ["Cut", "Sizes", "cut_evenly", "cut_within"]


@dataclass(frozen=True)
class Sizes:
    """How large lessons are in a padded batch, the shortest first."""

    lengths: list[int]
    """Tokens of each lesson's longest sequence, rising, [lessons]."""
    before: list[int]
    """Sequences of all lessons before each, and of all of them, [lessons + 1]."""

    @classmethod
    def of(cls, lengths: Iterable[int], sequences: Iterable[int]) -> Sizes:
        """Return the sizes of lessons with so many tokens and sequences each."""
        return cls(list(lengths), [0, *accumulate(sequences)])

    def __len__(self) -> int:
        return len(self.lengths)

    def tokens(self, start: int, end: int) -> int:
        """Return the tokens of a batch of some lessons, padding included."""
        return self.lengths[end - 1] * (self.before[end] - self.before[start]) if end > start else 0

    @property
    def largest(self) -> int:
        """Tokens of the largest lesson by itself."""
        return max((self.tokens(k, k + 1) for k in range(len(self))), default=0)


class Cut(NamedTuple):
    """Where a row of lessons is cut into micro-batches."""

    borders: list[int]
    """The first lesson of every micro-batch but the first, rising."""
    tokens: int
    """Tokens of the largest micro-batch, padding included."""


def cut_evenly(sizes: Sizes, pieces: int) -> Cut:
    """Cut lessons into so many pieces that the largest has as few tokens as possible, padding included.

    Where lessons are fewer than pieces, the first pieces are empty.

    >>> cut_evenly(Sizes.of([1, 2, 2, 3, 9], [1, 1, 1, 1, 1]), 2)
    Cut(borders=[4], tokens=12)
    """
    low, high = sizes.largest, sizes.tokens(0, len(sizes))
    while low < high:
        middle = (low + high) // 2
        if len(cut_within(sizes, middle)) < pieces:
            high = middle
        else:
            low = middle + 1
    borders = more_borders(sizes, cut_within(sizes, low), pieces)
    return Cut([0] * (pieces - 1 - len(borders)) + borders, low)


def cut_within(sizes: Sizes, tokens: int) -> list[int]:
    """Return the borders of the fewest pieces of at most so many tokens each; a larger lesson gets a piece of its own.

    >>> cut_within(Sizes.of([1, 2, 2, 3, 9], [1, 1, 1, 1, 1]), 9)
    [1, 4]
    """
    borders: list[int] = []
    end = len(sizes)
    while end > 0:
        rows_left = sizes.before[end] - tokens // sizes.lengths[end - 1]
        end = min(bisect_left(sizes.before, rows_left), end - 1)
        if end > 0:
            borders.append(end)
    return borders[::-1]


def more_borders(sizes: Sizes, borders: list[int], pieces: int) -> list[int]:
    """Halve the largest pieces until there are so many, or one for every lesson."""
    borders = [0, *borders, len(sizes)]
    while len(borders) <= min(pieces, len(sizes)):
        start, end = max((p for p in pairwise(borders) if p[1] - p[0] > 1), key=lambda piece: sizes.tokens(*piece))
        borders = sorted([*borders, (start + end) // 2])
    return borders[1:-1]
