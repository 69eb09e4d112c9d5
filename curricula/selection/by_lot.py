"""Lessons by lot: the control of every selection, and the thinning of what there is too much of."""

from __future__ import annotations

import numpy as np

from curricula.pool import Pool
from curricula.selection.base import KEPT, Selection, Selector, known_scores, wanted_count
from lessons.errors import ConfigError

__all__ = ["ByLot", "Thinned"]


class ByLot(Selector):
    """Keeps lessons drawn by lot: what every other selection must be compared with.

    Args:
        share: Share of the lessons to keep, in (0, 1]; or give `count`.
        count: Number of lessons to keep.
    """

    def __init__(self, share: float | None = None, count: int | None = None) -> None:
        self.share = share
        self.count = count

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Draw."""
        count = wanted_count(self, self.share, self.count, len(pool))
        return Selection.keeping(generator.permutation(len(pool))[:count], len(pool), "not drawn")


class Thinned(Selector):
    """Keeps only some of the lessons inside a band, each with the same chance, and all others, without a value too.

    DeepDistill (2025, arXiv:2504.17565) thins what is too easy in this way, keeping half.

    Args:
        by: Name of the signal.
        low: Lower end of the band, included; None for none.
        high: Upper end of the band, included; None for none.
        keep_probability: Chance of a lesson inside the band to be kept, in [0, 1].
        within: Thin only this group; give its name in the signal `group_by`.
        group_by: Name of the signal of groups that `within` names one of.
    """

    def __init__(
        self,
        by: str,
        low: float | None = None,
        high: float | None = None,
        keep_probability: float = 0.5,
        within: list[str] | None = None,
        group_by: str | None = None,
    ) -> None:
        self.by = by
        self.low = low
        self.high = high
        self.keep_probability = keep_probability
        self.within = within
        self.group_by = group_by

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Draw inside the band."""
        if not 0 <= self.keep_probability <= 1 or (self.within is None) != (self.group_by is None):
            raise ConfigError(
                f"Thinned got keep_probability={self.keep_probability}, within={self.within} and "
                f"group_by={self.group_by}; the probability must lie in [0, 1], and the other two belong together. "
                "Correct them."
            )
        values = pool.values(self.by)
        inside = known_scores(values, self.by)
        inside &= (values >= (-np.inf if self.low is None else self.low)) & (
            values <= (np.inf if self.high is None else self.high)
        )
        if self.within is not None and self.group_by is not None:
            groups = pool.groups(self.group_by)
            named = groups.vector(dict.fromkeys(self.within, 1.0), "`within`", default=0.0)
            inside &= named[groups.codes] > 0
        gone = inside & (generator.random(len(pool)) >= self.keep_probability)
        return Selection(np.where(gone, 0, KEPT).astype(np.int16), (f"thinned out by {self.by}",))
