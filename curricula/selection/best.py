"""The best by one signal."""

from __future__ import annotations

from typing import Literal

import numpy as np

from curricula.pool import Pool
from curricula.selection.base import KEPT, Selection, Selector, best_places, known_scores, wanted_count
from lessons.errors import ConfigError

__all__ = ["Best"]

Which = Literal["highest", "lowest"]


class Best(Selector):
    """Keeps the lessons with the highest or lowest values; ties at the cut are drawn by lot.

    Lessons without a value are never among the best.

    Args:
        by: Name of the signal.
        share: Share of the lessons to keep, in (0, 1]; or give `count`.
        count: Number of lessons to keep. Fewer are kept where fewer have a value.
        which: "highest" or "lowest".
        within: Name of a signal of groups: the share (or count) is then kept of each.
    """

    def __init__(
        self,
        by: str,
        share: float | None = None,
        count: int | None = None,
        which: Which = "highest",
        within: str | None = None,
    ) -> None:
        self.by = by
        self.share = share
        self.count = count
        self.which = which
        self.within = within

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Cut the best off."""
        values = pool.values(self.by)
        known = known_scores(values, self.by)
        keys = np.where(known, sign(self, self.which) * np.where(known, values, 0.0), np.inf)
        reason = np.where(known, 0, 1).astype(np.int16)
        groups = None if self.within is None else pool.groups(self.within)
        for group in range(1 if groups is None else len(groups)):
            members = np.arange(len(pool)) if groups is None else groups.members(group)
            if len(members):
                count = min(self.count, len(members)) if self.count and groups else self.count
                kept = members[
                    best_places(keys[members], wanted_count(self, self.share, count, len(members)), generator)
                ]
                reason[kept[known[kept]]] = KEPT
        side = "too low" if self.which == "highest" else "too high"
        place = f" within its {self.within}" if self.within else ""
        return Selection(reason, (f"{self.by} {side}{place}", f"no value of {self.by}"))


def sign(part: object, which: str) -> float:
    """Return the factor that turns the wanted end of a signal into its lowest values."""
    if which not in ("highest", "lowest"):
        raise ConfigError(
            f"{type(part).__name__} got {which!r}; allowed are 'highest' and 'lowest'. Correct its setting."
        )
    return -1.0 if which == "highest" else 1.0
