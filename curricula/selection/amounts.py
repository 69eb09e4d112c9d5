"""How much of each group does most good."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from curricula.arrays import Scores
from curricula.groups import Groups
from curricula.libraries import needed_by
from curricula.pool import Pool
from curricula.selection.base import Selection, Selector, wanted_count
from curricula.selection.quota import Quota
from curricula.selection.water_filling import largest_remainders
from lessons.errors import ConfigError, DataError

__all__ = ["Amounts"]


class Amounts(Selector):
    """Keeps the amounts of each group that do most good together, by a linear programme; inside a group by lot.

    maximise sum_i x_i sum_j e_ij over the amounts x_i, with sum_i x_i = the number to keep, each x_i in its bounds, and
    sum_i x_i e_ij at least `needed` for every group j named there. e_ij is what a lesson of group i does for group j.
    After the interaction of instructions in Beyond IID (2024, arXiv:2409.07045); the exact programme is our reading.

    Args:
        by: Name of the signal of groups.
        effects: What a lesson of a group (first name) does for another (second name); 0 where not named.
        share: Share of the lessons to keep, in (0, 1]; or give `count`.
        count: Number of lessons to keep.
        least_share: At least this share of the lessons kept come from every group.
        most_share: At most this share of the lessons kept come from any group.
        needed: The least total effect on a group, by its name.
    """

    def __init__(
        self,
        by: str,
        effects: Mapping[str, Mapping[str, float]],
        share: float | None = None,
        count: int | None = None,
        least_share: float = 0.0,
        most_share: float = 1.0,
        needed: Mapping[str, float] | None = None,
    ) -> None:
        self.by = by
        self.effects = effects
        self.share = share
        self.count = count
        self.least_share = least_share
        self.most_share = most_share
        self.needed = needed

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Solve, round, and draw."""
        groups = pool.groups(self.by)
        total = wanted_count(self, self.share, self.count, len(pool))
        counts = largest_remainders(self.amounts(groups, total), groups.sizes, total)
        target = {label: float(number) for label, number in zip(groups.labels, counts, strict=True)}
        return Quota(self.by, count=total, target=target, short="error").select(pool, generator)

    def amounts(self, groups: Groups, total: int) -> Scores:
        """Return how many lessons of each group to keep, not yet rounded, float64 [groups].

        Raises:
            ConfigError: A name is not a group's.
            DataError: No amounts meet all conditions.
        """
        groups.vector(dict.fromkeys(self.effects, 0.0), "Amounts' `effects`", default=0.0)
        effects = np.array(
            [groups.vector(self.effects.get(label, {}), "Amounts' `effects`", default=0.0) for label in groups.labels]
        )
        if not 0 <= self.least_share <= self.most_share <= 1:
            raise ConfigError(
                f"Amounts got least_share={self.least_share} and most_share={self.most_share}; both must lie in "
                "[0, 1], the least not above the most. Correct them."
            )
        low = np.minimum(self.least_share * total, groups.sizes)
        high = np.minimum(self.most_share * total, groups.sizes)
        needed = groups.vector(self.needed or {}, "Amounts' `needed`", default=-np.inf)
        asked = np.isfinite(needed)
        with needed_by(self):
            from scipy.optimize import linprog
        solved = linprog(
            -effects.sum(axis=1),
            A_ub=-effects.T[asked] if asked.any() else None,
            b_ub=-needed[asked] if asked.any() else None,
            A_eq=np.ones((1, len(groups))),
            b_eq=[total],
            bounds=list(zip(low.tolist(), high.tolist(), strict=True)),
        )
        if not solved.success:
            raise DataError(
                f"No amounts of {len(groups)} groups of {self.by!r} add up to {total} lessons within all bounds "
                f"(least_share={self.least_share}, most_share={self.most_share}, needed={dict(self.needed or {})}): "
                f"{solved.message} Loosen the bounds, or keep fewer lessons."
            )
        amounts: Scores = np.clip(np.asarray(solved.x, np.float64), low, high)
        return amounts
