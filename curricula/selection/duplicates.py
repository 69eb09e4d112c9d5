"""Lessons that say the same as another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions
from curricula.pool import Pool
from curricula.selection.base import KEPT, Selection, Selector
from curricula.selection.best import Which, sign
from curricula.selection.same_texts import first_with_same_key, same_texts
from curricula.signals.texts import lesson_texts
from lessons.errors import ConfigError

__all__ = ["Distinct", "OnePer", "keep_first"]


class Distinct(Selector):
    """Keeps the first lesson of each text; case, punctuation at the ends and the width of gaps do not count.

    Args:
        of: What is compared: "question", "reference", or a kind of annotation. Lessons without it are all kept.
    """

    def __init__(self, of: str = "question") -> None:
        self.of = of

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Compare the texts."""
        twin = same_texts(lesson_texts(pool.lessons, self.of, pool.rows))
        return keep_first(twin, f"has the same {self.of} as another")


class OnePer(Selector):
    """Keeps one lesson of each group, or of each combination of several: the best by a signal, or the first.

    One solution of every question and way of solving it (Yuan et al. 2023, RFT, arXiv:2308.01825) is
    OnePer([prompt, way]) over two signals of categories.

    Args:
        by: Names of the signals whose values make the groups.
        prefer: Name of the signal to choose by; None keeps the first.
        which: Whether the "highest" or "lowest" by `prefer` is the best; ties go to the first.
    """

    def __init__(self, by: list[str], prefer: str | None = None, which: Which = "highest") -> None:
        self.by = by
        self.prefer = prefer
        self.which = which

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Compare the groups."""
        if not self.by:
            raise ConfigError("OnePer got by=[]; at least one signal must make the groups. Fill in `by`.")
        codes = combined(pool, self.by)
        order = np.arange(len(pool))
        if self.prefer is not None:
            values = sign(self, self.which) * pool.values(self.prefer)
            order = np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable")
        twin = np.empty(len(pool), np.int64)
        twin[order] = order[first_with_same_key(codes[order])]
        return keep_first(twin, f"another of the same {' and '.join(self.by)} was preferred")


def combined(pool: Pool, names: list[str]) -> npt.NDArray[np.uint64]:
    """Return a number for each lesson, equal for lessons that are in the same group by every signal, uint64 [n]."""
    codes, different = np.zeros(len(pool), np.uint64), 1
    for name in names:
        groups = pool.groups(name)
        if different * len(groups) >= 2**64:
            distinct, inverse = np.unique(codes, return_inverse=True)
            codes, different = inverse.astype(np.uint64), len(distinct)
        codes = codes * np.uint64(len(groups)) + groups.codes.astype(np.uint64)
        different *= len(groups)
    return codes


def keep_first(twin: Positions, reason: str) -> Selection:
    """Keep the lessons whose twin is themselves, or none."""
    gone = (twin >= 0) & (twin != np.arange(len(twin)))
    codes: npt.NDArray[np.int16] = np.where(gone, 0, KEPT).astype(np.int16)
    return Selection(codes, (reason,), np.where(gone, twin, -1))
