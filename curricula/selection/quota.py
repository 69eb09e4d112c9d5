"""So many of each group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.groups import Groups
from curricula.pool import Pool
from curricula.selection.base import Selection, Selector, best_places, wanted_count
from curricula.selection.best import Which, sign
from curricula.selection.water_filling import largest_remainders, water_fill
from lessons.errors import ConfigError, DataError

__all__ = ["Quota"]


class Quota(Selector):
    """Keeps a set number of lessons, shared out over groups; inside a group by lot, or the best by a signal.

    Cluster-then-draw is a Quota by a Clusters signal; the balance over tasks, topics or digits is one by a Category.

    Args:
        by: Name of the signal of groups.
        share: Share of the lessons to keep, in (0, 1]; or give `count`.
        count: Number of lessons to keep.
        target: The weight of each group by its name; "equal" for the same of each; "proportional" for each as it is.
        most: At most this many of any group; None for no limit.
        prefer: Name of a signal: keep the best of each group by it; None draws by lot.
        which: Whether the "highest" or "lowest" by `prefer` are the best.
        short: What happens when a group has fewer lessons than its quota: "fill" shares the rest out over the other
            groups, "error" refuses and names it.
    """

    def __init__(
        self,
        by: str,
        share: float | None = None,
        count: int | None = None,
        target: Mapping[str, float] | Literal["equal", "proportional"] = "equal",
        most: int | None = None,
        prefer: str | None = None,
        which: Which = "highest",
        short: Literal["fill", "error"] = "fill",
    ) -> None:
        self.by = by
        self.share = share
        self.count = count
        self.target = target
        self.most = most
        self.prefer = prefer
        self.which = which
        self.short = short

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Share out, then choose inside each group."""
        groups = pool.groups(self.by)
        total = wanted_count(self, self.share, self.count, len(pool))
        counts = self.counts(groups, total)
        keys = np.zeros(len(pool))
        if self.prefer is not None:
            values = sign(self, self.which) * pool.values(self.prefer)
            keys = np.where(np.isnan(values), np.inf, values)
        kept = [groups.by_group[:0]]
        for group in np.flatnonzero(counts):
            members = groups.members(int(group))
            kept.append(members[best_places(keys[members], int(counts[group]), generator)])
        how = f"others of its {self.by} have a better {self.prefer}" if self.prefer else f"not drawn from its {self.by}"
        return Selection.keeping(np.concatenate(kept), len(pool), how)

    def counts(self, groups: Groups, total: int) -> Positions:
        """Return how many of each group to keep, int64 [groups].

        Raises:
            DataError: A group is short, and `short` is "error"; or nothing can be kept.
        """
        weights = self.weights(groups)
        sizes = groups.sizes if self.most is None else np.minimum(groups.sizes, self.most)
        if self.short not in ("fill", "error"):
            raise ConfigError(f"Quota got short={self.short!r}; allowed are 'fill' and 'error'. Correct `short`.")
        if self.short == "fill":
            return water_fill(sizes, weights, total)
        wanted = largest_remainders(total * weights / weights.sum(), np.full(len(groups), total), total)
        short = np.flatnonzero(wanted > sizes)
        if len(short):
            listed = ", ".join(f"{groups.labels[g]!r} {sizes[g]} of {wanted[g]}" for g in short[:10])
            raise DataError(
                f"{len(short)} of {len(groups)} groups of {self.by!r} are too small for their quota: {listed}. "
                "Allowed is a total that every group can meet. Lower `count` or `share`, change `target`, or set short "
                "to 'fill' to take the rest from the other groups."
            )
        return wanted

    def weights(self, groups: Groups) -> Scores:
        """Return the weight of each group, at least one above 0."""
        if self.target == "equal":
            return np.ones(len(groups))
        if self.target == "proportional":
            return groups.sizes.astype(np.float64)
        if isinstance(self.target, str):
            raise ConfigError(
                f"Quota got target={self.target!r}; allowed are 'equal', 'proportional', or a weight for each group. "
                "Correct `target`."
            )
        weights = groups.vector(self.target, "Quota's `target`", default=0.0)
        if not (weights >= 0).all() or not weights.sum() > 0:
            raise ConfigError(
                f"Quota got the weights {dict(self.target)}; they must be 0 or more, and one at least above 0. "
                "Correct `target`."
            )
        return weights
