"""Selectors one after another, and the record of who left out which lesson, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curricula.description import describe
from curricula.orderings.base import Positions
from curricula.pool import Pool
from curricula.selection.base import KEPT, Selector
from lessons.errors import DataError

__all__ = ["LeftOut", "select"]

SELECTOR = 3  # the last word of a selector's seed; passes and updates have others


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Which lessons of a set are not in the plan, and why."""

    reason: npt.NDArray[np.int32]
    """Index into `reasons`, -1 for a lesson that was kept, int32 [lessons]."""
    reasons: tuple[tuple[int, str], ...]
    """Each reason: the number of the selector, and what it says."""
    twin: Positions
    """For a lesson left out because of another one: that lesson's position, else -1; int64 [lessons]."""
    selectors: tuple[dict[str, Any], ...]
    """The selectors in order, as descriptions (class_path, init_args)."""

    @property
    def kept(self) -> Positions:
        """Positions of the lessons that were kept, rising, int64 [kept]."""
        return np.flatnonzero(self.reason == KEPT)

    def count_by(self, selector: int) -> int:
        """Return how many lessons one selector left out."""
        counts = np.bincount(self.reason[self.reason >= 0], minlength=len(self.reasons))
        return int(sum(counts[k] for k, (number, _) in enumerate(self.reasons) if number == selector))


def select(pool: Pool, selectors: Sequence[Selector], seed: int) -> tuple[Pool, LeftOut]:
    """Apply the selectors one after another, each to what the ones before it kept.

    Raises:
        DataError: Nothing is left.
    """
    reason = np.full(len(pool.lessons), KEPT, np.int32)
    twin = np.full(len(pool.lessons), -1, np.int64)
    reasons: list[tuple[int, str]] = []
    for number, selector in enumerate(selectors):
        selection = selector.select(pool, np.random.default_rng([seed, number, SELECTOR]))
        if not len(selection.kept):
            raise DataError(
                f"{type(selector).__name__} leaves none of the {len(pool)} lessons it was given: "
                f"{'; '.join(selection.reasons)}. At least one must remain. Loosen its settings, or leave it out."
            )
        gone = selection.reason != KEPT
        reason[pool.rows[gone]] = selection.reason[gone] + len(reasons)
        if selection.twin is not None:
            twin[pool.rows[gone]] = np.where(selection.twin >= 0, pool.rows[selection.twin], -1)[gone]
        reasons += [(number, text) for text in selection.reasons]
        pool = pool.subset(selection.kept)
    return pool, LeftOut(reason, tuple(reasons), twin, tuple(describe(selector) for selector in selectors))
