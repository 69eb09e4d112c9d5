"""The lessons that a plan still has at hand: what selectors, orderings and mixtures look at."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions, Scores
from curricula.groups import Groups
from curricula.signal_table import SignalTable
from curricula.signals.embedding import Embedding, Vectors
from lessons.lesson_set import LessonSet

__all__ = ["Pool", "Same"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Same:
    """A key for `Pool.once` that only the very same object equals: a part of a state, which is never changed."""

    part: object
    """The object; held, so that no other can take its place in memory."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.part is other.part

    def __hash__(self) -> int:
        return id(self.part)


@dataclass(frozen=True, eq=False)
class Pool:
    """Some of the lessons, their signals, and the order they were put in.

    Parts of a plan speak of lessons by their place in the pool, 0 ... n-1; `rows` says which lesson that is.
    """

    lessons: LessonSet
    """All lessons."""
    table: SignalTable
    """The signals of all lessons."""
    rows: Positions
    """The lessons of this pool, as rising positions in `lessons`, int64 [n]."""
    order: Positions
    """Places in the pool in the order in which the ordering put them, int64 [n]; a mixture draws from it."""
    round_number: int = 0
    """Number of the course's round that is planned, from 0: some shares change from round to round."""
    memory: dict[Hashable, tuple[Hashable, Any]] = field(default_factory=dict, repr=False)
    """What `once` keeps."""
    embedded: dict[Embedding, tuple[Positions, Vectors]] = field(default_factory=dict, repr=False)
    """Vectors computed so far, by embedding, with the lessons they are of; shared by parts of a pool."""

    @classmethod
    def whole(cls, lessons: LessonSet, table: SignalTable, round_number: int = 0) -> Pool:
        """Return the pool of all lessons, in their own order."""
        everything = np.arange(len(lessons), dtype=np.int64)
        return cls(lessons, table, everything, everything, round_number)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def ids(self) -> npt.NDArray[np.object_]:
        """The lessons' ids, [n]."""
        return self.lessons.ids[self.rows]

    def values(self, name: str) -> Scores:
        """Return a signal's values, float64 [n].

        Raises:
            DataError: There is no such signal.
        """
        return self.once(("values", name), None, lambda: self.table.scores(name)[self.rows])

    def groups(self, name: str) -> Groups:
        """Return the groups that a signal makes.

        Raises:
            DataError: There is no such signal, or a lesson has no value.
        """
        column = self.table.column(name)
        return self.once(
            ("groups", name), None, lambda: Groups.of(name, replace(column, values=column.values[self.rows]))
        )

    def vectors(self, embedding: Embedding) -> Vectors:
        """Return the lessons' vectors, float32 [n, dimensions], computed once for a pool and all its parts."""
        rows, vectors = self.embedded.get(embedding, (np.empty(0, np.int64), np.empty((0, 0), np.float32)))
        if not np.isin(self.rows, rows, assume_unique=True).all():
            rows, vectors = self.rows, embedding.embed(self.lessons, self.rows)
            self.embedded[embedding] = (rows, vectors)
        return vectors[np.searchsorted(rows, self.rows)]

    def places_of(self, positions: Positions) -> Positions:
        """Return the place in the pool of lessons of the lesson set, -1 for those that are not in it."""
        found = np.searchsorted(self.rows, positions)
        found[found == len(self.rows)] = 0
        return np.where(self.rows[found] == positions, found, -1)

    def subset(self, places: Positions) -> Pool:
        """Return the pool of some of these lessons (rising places), in their own order."""
        rows, order = self.rows[places], np.arange(len(places), dtype=np.int64)
        return replace(self, rows=rows, order=order, memory={})

    def ordered(self, order: Positions) -> Pool:
        """Return the same lessons in another order."""
        return replace(self, order=order, memory={})

    def once(self, slot: Hashable, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` gives, made anew only when `key` changes: one value is kept per slot.

        Mixtures are pure functions; this holds what they would otherwise compute for every draw again.
        """
        found = self.memory.get(slot)
        if found is None or found[0] != key:
            found = self.memory[slot] = (key, make())
        value: T = found[1]
        return value
