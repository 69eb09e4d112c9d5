"""What every ordering is: a permutation of the lessons of one pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions, Scores
from curricula.pool import Pool
from lessons.errors import ConfigError, DataError

__all__ = ["Arrangement", "GroupedOrdering", "Missing", "Ordering", "fill_missing", "sort_seeded"]

Missing = Literal["error", "first", "last"]


class Arrangement(NamedTuple):
    """The lessons of one pass, in order and cut into stages."""

    order: Positions
    """Each of 0 ... n-1 once, int64 [n]."""
    stage: Positions
    """Number of the stage at each position of the order, from 0, never falling, int64 [n]."""


class Ordering(ABC):
    """Puts the lessons of one pass in order."""

    needs_scores: bool = True
    """Whether the order depends on the scores; if so, a plan must say which signal to order by."""

    @abstractmethod
    def order(self, scores: Scores, generator: np.random.Generator) -> Positions:
        """Return the lessons' positions in the order in which to learn them: a permutation of 0 ... n-1, int64 [n].

        All randomness comes from `generator`; equal scores are shuffled with it, never left in input order.

        Args:
            scores: One number per lesson, larger is harder, float64 [n]; NaN where missing.
            generator: This pass's own; another pass gets another.

        Raises:
            DataError: The scores cannot be ordered by.
        """

    def tiers_of(self, scores: Scores) -> Positions:
        """Return the 0-based tier of each lesson, int64 [n]; the lower tiers come first. One tier unless overridden."""
        return np.zeros(len(scores), np.int64)

    def arrange(self, pool: Pool, scores: Scores, generator: np.random.Generator) -> Arrangement:
        """Order one pass, with all that is known about the lessons at hand. From the scores alone unless overridden."""
        order = np.asarray(self.order(scores, generator), np.int64)
        inside = (order >= 0) & (order < len(scores))  # what a faulty ordering invents is refused later, by name
        return Arrangement(order, self.tiers_of(scores)[np.where(inside, order, 0)])


class GroupedOrdering(Ordering):
    """An ordering that looks at more than one number per lesson: it has `arrange` in place of `order`."""

    def order(self, scores: Scores, generator: np.random.Generator) -> Positions:
        """Refuse: the scores alone do not tell.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"{type(self).__name__} cannot order by {len(scores)} scores alone: it reads other columns of the lessons. "
            "Allowed is its use as the plan's `ordering`, or inside another that gives it the lessons. "
            "Call `arrange` with a pool."
        )

    @abstractmethod
    def arrange(self, pool: Pool, scores: Scores, generator: np.random.Generator) -> Arrangement:
        """Order one pass, with all that is known about the lessons at hand."""


def fill_missing(scores: Scores, missing: Missing) -> Scores:
    """Return the scores with NaN replaced so that sorting puts those lessons where `missing` says.

    >>> fill_missing(np.array([0.5, np.nan]), "last").tolist()
    [0.5, inf]

    Raises:
        ConfigError: `missing` is not one of its three values.
        DataError: There are missing scores and `missing` is "error", or no score at all.
    """
    if missing not in ("error", "first", "last"):
        raise ConfigError(
            f"missing={missing!r} is not known; allowed are 'error', 'first' and 'last'. "
            "Correct the ordering's setting."
        )
    absent = np.isnan(scores)
    if absent.all():
        raise DataError(
            f"none of the {len(scores)} lessons has a score, and at least one is needed to order by. "
            "Order by another signal, or compute this one where it has values."
        )
    if not absent.any():
        return scores
    if missing == "error":
        raise DataError(
            f"{absent.sum()} of {len(scores)} scores are missing, the first at row {int(np.argmax(absent))}. A missing "
            "score is never guessed: set missing to 'first' or 'last' on the ordering, or leave those lessons out."
        )
    return np.where(absent, -np.inf if missing == "first" else np.inf, scores)


def sort_seeded(keys: npt.NDArray[np.float64] | Positions, generator: np.random.Generator) -> Positions:
    """Return the positions that sort `keys` upwards, equal keys shuffled."""
    shuffled = generator.permutation(len(keys))
    return shuffled[np.argsort(keys[shuffled], kind="stable")]
