"""Rendered lessons as a few flat arrays: 8 bytes a token, shared by all workers, and if mapped by all processes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lightning_modules.data.rendered_writer import RenderedWriter
from students.renderings import Example

__all__ = ["RenderedLessons", "Sequence32"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Sequence32(NamedTuple):
    """One training sequence, as views into the flat arrays."""

    tokens: npt.NDArray[np.int32]
    """Token ids, [tokens]."""
    weights: npt.NDArray[np.float32]
    """Loss weight of each token as a target, [tokens]."""
    part: int
    """Which part of the loss it counts in."""


@dataclass(frozen=True)
class RenderedLessons:
    """The training sequences of distinct lessons, rendered once; a lesson that comes often is stored once.

    Where the rendering has several views, all lessons come in the first view, then all in the second, and so on: lesson
    k in view v has the number v * lessons_per_view + k. Below, [lessons] counts each in each view.
    """

    ids: tuple[str, ...]
    """The lesson ids, [lessons]."""
    part_names: tuple[str, ...]
    """The parts of the loss, [parts]."""
    tokens: npt.NDArray[np.int32]
    """All token ids, one sequence after the other, [all tokens]."""
    weights: npt.NDArray[np.float32]
    """The loss weight of each token as a target, [all tokens]."""
    starts: Ints
    """Where each sequence begins in `tokens`, and where the last one ends, [sequences + 1]."""
    parts: Ints
    """The part each sequence counts in, [sequences]."""
    first_sequence: Ints
    """Each lesson's first sequence, and one past the last lesson's last, [lessons + 1]."""
    views: int = 1
    """In how many views each lesson is here."""
    rewards: Floats | None = None
    """What a verifier gave each sequence's answer, NaN where nobody did, [sequences]; None where none has a reward."""

    @classmethod
    def of(cls, examples: dict[str, list[Example]], part_names: Sequence[str]) -> RenderedLessons:
        """Flatten examples, keyed by lesson id."""
        views = 1 + max(example.view for found in examples.values() for example in found)
        writer = RenderedWriter(part_names, views)
        writer.add(examples)
        return cls.written_by(writer)

    @classmethod
    def written_by(cls, writer: RenderedWriter) -> RenderedLessons:
        """Return what a writer has collected."""
        views = len(writer.views)
        return cls(ids=tuple(writer.ids) * views, part_names=writer.part_names, views=views, **writer.arrays())

    def __reduce__(self) -> tuple[Any, ...]:
        """Send a mapped array to another process as the name of its file."""
        values = [getattr(self, field.name) for field in fields(self)]
        return unmapped, tuple(Mapped(str(v.filename)) if isinstance(v, np.memmap) else v for v in values)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lessons_per_view(self) -> int:
        """Number of distinct lessons."""
        return len(self) // self.views

    def sequence_numbers(self, lessons: Ints) -> Ints:
        """Return the numbers of all sequences of some lessons, lesson by lesson, [their sequences]."""
        starts, counts = self.first_sequence[lessons], self.sequence_counts[lessons]
        before = np.cumsum(counts) - counts  # sequences of the lessons before each
        found: Ints = np.arange(counts.sum()) + np.repeat(starts - before, counts)
        return found

    def sequences(self, lesson: int) -> list[Sequence32]:
        """Return the training sequences of one lesson."""
        return [self.sequence(k) for k in range(self.first_sequence[lesson], self.first_sequence[lesson + 1])]

    def sequence(self, number: int) -> Sequence32:
        """Return one training sequence."""
        span = slice(self.starts[number], self.starts[number + 1])
        return Sequence32(self.tokens[span], self.weights[span], int(self.parts[number]))

    @cached_property
    def sequence_counts(self) -> Ints:
        """Training sequences of each lesson, [lessons]."""
        return np.diff(self.first_sequence)

    @cached_property
    def lengths(self) -> Ints:
        """Tokens of each lesson, all its sequences together, [lessons]."""
        return np.diff(self.starts[self.first_sequence])

    @cached_property
    def longest(self) -> Ints:
        """Tokens of each lesson's longest sequence, [lessons]."""
        return np.maximum.reduceat(np.diff(self.starts), self.first_sequence[:-1])

    @cached_property
    def supervised(self) -> Ints:
        """Supervised tokens of each lesson, [lessons]."""
        counts = np.add.reduceat(self.weights > 0, self.starts[:-1], dtype=np.int64)
        return np.add.reduceat(counts, self.first_sequence[:-1])

    @cached_property
    def part_totals(self) -> Floats:
        """Total target weight of each lesson in each part, float64 [lessons, parts]."""
        sums = np.add.reduceat(self.weights, self.starts[:-1], dtype=np.float64)
        totals = np.zeros((len(self), len(self.part_names)))
        lesson_of = np.repeat(np.arange(len(self)), np.diff(self.first_sequence))
        np.add.at(totals, (lesson_of, self.parts), sums)
        return totals

    @cached_property
    def part_sequences(self) -> Ints:
        """Training sequences of each lesson in each part, [lessons, parts]."""
        counts = np.zeros((len(self), len(self.part_names)), np.int64)
        np.add.at(counts, (np.repeat(np.arange(len(self)), self.sequence_counts), self.parts), 1)
        return counts

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over tokens, weights, parts and rewards: the very same training sequences or not."""
        digest = hashlib.sha256("\x1e".join(self.part_names).encode())
        if self.views > 1:
            digest.update(str(self.views).encode())
        for array in (self.tokens, self.weights, self.starts, self.parts, self.first_sequence):
            digest.update(np.ascontiguousarray(array).data)
        if self.rewards is not None:
            digest.update(self.rewards.tobytes())
        return digest.hexdigest()


class Mapped(NamedTuple):
    """An array that lies in a file."""

    file: str
    """Path of the .npy file."""


def unmapped(*values: Any) -> RenderedLessons:
    """Return rendered lessons from their fields, with mapped arrays mapped again."""
    return RenderedLessons(*(np.load(v.file, mmap_mode="r") if isinstance(v, Mapped) else v for v in values))
