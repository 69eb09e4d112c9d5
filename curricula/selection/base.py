"""What every selector is: which lessons of a pool to keep, and why the others go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions
from curricula.pool import Pool
from lessons.errors import ConfigError, DataError

__all__ = ["KEPT", "Selection", "Selector", "best_places", "wanted_count"]

KEPT = -1


@dataclass(frozen=True, eq=False)
class Selection:
    """What a selector kept of a pool, and for what reason it left out each other lesson."""

    reason: npt.NDArray[np.int16]
    """Index into `reasons` for a lesson left out, -1 for one kept, int16 [n]."""
    reasons: tuple[str, ...]
    """The different reasons, in words that go on from "left out: "."""
    twin: Positions | None = None
    """For a lesson left out because of another one: that one's place in the pool, else -1; int64 [n]."""

    @classmethod
    def keeping(cls, places: Positions, size: int, reason: str) -> Selection:
        """Keep some places of a pool of that size and leave the others out for one reason."""
        codes = np.zeros(size, np.int16)
        codes[places] = KEPT
        return cls(codes, (reason,))

    @property
    def kept(self) -> Positions:
        """The places kept, rising, int64 [kept]."""
        return np.flatnonzero(self.reason == KEPT)


class Selector(ABC):
    """Chooses which lessons of a pool to learn from."""

    @abstractmethod
    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Say of every lesson of the pool whether it is kept. All randomness comes from `generator`.

        Raises:
            DataError: The lessons lack what the selector reads.
            ConfigError: Its settings do not fit the lessons.
        """


def wanted_count(part: object, share: float | None, count: int | None, size: int) -> int:
    """Return how many of `size` lessons a setting of `share` or `count` asks for, at least 1.

    Raises:
        ConfigError: Both or neither are set, or the value is impossible.
    """
    name = type(part).__name__
    if (share is None) == (count is None):
        raise ConfigError(
            f"{name} got share={share} and count={count}; exactly one of them must be set. "
            "Give a share in (0, 1], or a number of lessons."
        )
    if share is not None:
        if not 0 < share <= 1:
            raise ConfigError(f"{name} got share={share}; allowed are numbers above 0 and up to 1. Correct `share`.")
        return max(1, round(share * size))
    if count is None or not 0 < count <= size:
        raise ConfigError(
            f"{name} got count={count}, and {size} lessons are there to choose from; allowed are 1 to {size}. "
            "Correct `count`, or leave fewer lessons out before."
        )
    return count


def best_places(keys: npt.NDArray[np.float64], count: int, generator: np.random.Generator) -> Positions:
    """Return the places of the `count` lowest keys, equal keys chosen by lot, rising.

    It takes linear time: only the ties at the cut are drawn among.

    >>> best_places(np.array([0.3, 0.1, 0.2]), 2, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    if count >= len(keys):
        return np.arange(len(keys))
    cut = np.partition(keys, count - 1)[count - 1]
    below = np.flatnonzero(keys < cut)
    tied = generator.permutation(np.flatnonzero(keys == cut))
    return np.sort(np.concatenate([below, tied[: count - len(below)]]))


def known_scores(values: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.bool_]:
    """Return which lessons have a value.

    Raises:
        DataError: None has.
    """
    known = ~np.isnan(values)
    if not known.any():
        raise DataError(
            f"None of the {len(values)} lessons has a value of {name!r}, so nothing can be selected by it. At least "
            "one value is needed. Select by another signal, or compute this one where it has values."
        )
    return known
