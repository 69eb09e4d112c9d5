"""Lessons that say the same as another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curricula.arrays import Positions
from curricula.pool import Pool
from curricula.selection.base import KEPT, Selection, Selector
from curricula.selection.best import Which, sign
from curricula.signals.texts import lesson_texts
from lessons.errors import ConfigError

__all__ = ["Distinct", "OnePer", "normalised"]

TEXTS_PER_BLOCK = 500_000  # the steps of `normalised` each make a copy


class Distinct(Selector):
    """Keeps the first lesson of each text; case, punctuation at the ends and the width of gaps do not count.

    Args:
        of: What is compared: "question", "reference", or a kind of annotation. Lessons without it are all kept.
    """

    def __init__(self, of: str = "question") -> None:
        self.of = of

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Compare the texts."""
        texts = lesson_texts(pool.lessons, self.of, pool.rows)
        blocks = [normalised(texts.slice(start, TEXTS_PER_BLOCK)) for start in range(0, len(pool), TEXTS_PER_BLOCK)]
        encoded = pa.chunked_array(blocks).dictionary_encode().combine_chunks()
        codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        known = np.flatnonzero(codes >= 0)
        twin = np.full(len(pool), -1, np.int64)
        twin[known] = known[firsts(codes[known])]
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
        codes = np.unique(np.column_stack([pool.groups(name).codes for name in self.by]), axis=0, return_inverse=True)[
            1
        ]
        order = np.arange(len(pool))
        if self.prefer is not None:
            values = sign(self, self.which) * pool.values(self.prefer)
            order = np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable")
        twin = np.empty(len(pool), np.int64)
        twin[order] = order[firsts(codes.reshape(-1)[order])]
        return keep_first(twin, f"another of the same {' and '.join(self.by)} was preferred")


def firsts(codes: Positions) -> Positions:
    """Return for each entry the first place that has the same code, codes being small numbers from 0 up.

    >>> firsts(np.array([4, 7, 4])).tolist()
    [0, 1, 0]
    """
    first = np.empty(int(codes.max(initial=-1)) + 1, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # the last to be written is the first place
    return first[codes]


def keep_first(twin: Positions, reason: str) -> Selection:
    """Keep the lessons whose twin is themselves, or none."""
    gone = (twin >= 0) & (twin != np.arange(len(twin)))
    codes: npt.NDArray[np.int16] = np.where(gone, 0, KEPT).astype(np.int16)
    return Selection(codes, (reason,), np.where(gone, twin, -1))


def normalised(texts: pa.Array) -> pa.Array:
    """Return texts in lower case, gaps made single spaces, without punctuation at the ends; null stays null.

    >>> normalised(pa.array(["  What is\\n2? ", None])).to_pylist()
    ['what is 2', None]
    """
    spaced = pc.replace_substring_regex(pc.utf8_lower(texts), r"\s+", " ")
    return pc.utf8_trim(spaced, " .,;:!?\"'")
