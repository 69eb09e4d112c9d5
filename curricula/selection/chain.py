"""Selectors one after another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curricula.description import describe
from curricula.left_out import LeftOut
from curricula.pool import Pool
from curricula.selection.base import KEPT, Selector
from lessons.errors import DataError

__all__ = ["select"]

SELECTOR = 3  # the last word of a selector's seed; passes and updates have others


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
