"""Lessons by group: topics, sources, tiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.signals.base import Column
from lessons.errors import ConfigError, DataError

__all__ = ["Groups"]


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each lesson belongs to. Every lesson has one; a group may be empty."""

    codes: Positions
    """Index into `labels` of each lesson's group, int64 [lessons]."""
    labels: tuple[str, ...]
    """Names of the groups."""

    @classmethod
    def of(cls, name: str, column: Column) -> Groups:
        """Read a column as groups: its categories, or its different numbers from low to high.

        Raises:
            DataError: Some lesson has no value.
        """
        missing = np.isnan(column.values)
        if missing.any():
            raise DataError(
                f"{missing.sum()} of {len(missing)} lessons belong to no group: {name!r} has no value there, first at "
                f"row {int(np.argmax(missing))}. Every lesson needs one; set `missing` of the Category signal to a "
                "name for the rest, or leave those lessons out with curricula.Band."
            )
        if column.labels:
            return cls(column.values.astype(np.int64), column.labels)
        numbers, codes = np.unique(column.values, return_inverse=True)
        return cls(codes.astype(np.int64), tuple(f"{value:g}" for value in numbers))

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.labels)

    @cached_property
    def sizes(self) -> Positions:
        """Number of lessons of each group, int64 [groups]."""
        return np.bincount(self.codes, minlength=len(self.labels)).astype(np.int64)

    @cached_property
    def starts(self) -> Positions:
        """Where each group begins in `by_group`, int64 [groups + 1]."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @cached_property
    def by_group(self) -> Positions:
        """The lessons' positions, group after group, in their own order inside, int64 [lessons]."""
        small = (
            self.codes.astype(np.int16) if len(self.labels) < 2**15 else self.codes
        )  # radix sort: measured 6x faster
        return np.argsort(small, kind="stable").astype(np.int64)

    def members(self, group: int) -> Positions:
        """Return the positions of one group's lessons, rising."""
        return self.by_group[self.starts[group] : self.starts[group + 1]]

    def subset(self, positions: Positions) -> Groups:
        """Return the groups of some lessons only; the names stay, also those of groups that are now empty."""
        return Groups(self.codes[positions], self.labels)

    def vector(self, values: Mapping[str, float], what: str, default: float | None = None) -> Scores:
        """Return a number per group out of a mapping by name, float64 [groups].

        Args:
            values: Numbers by group name.
            what: What the numbers are, for the message.
            default: For groups that are not named; None: all must be.

        Raises:
            ConfigError: A name is not a group's, or a group is not named.
        """
        unknown = [name for name in values if name not in self.labels]
        absent = [name for name in self.labels if name not in values] if default is None else []
        if unknown or absent:
            wrong = f"names the unknown group {unknown[0]!r}" if unknown else f"does not name the group {absent[0]!r}"
            raise ConfigError(f"{what} {wrong}. The groups are: {', '.join(self.labels)}. Correct the names in {what}.")
        return np.array([float(values.get(name, default or 0.0)) for name in self.labels])
