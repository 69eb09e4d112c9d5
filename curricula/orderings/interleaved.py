"""Groups in turn, part by part."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Scores
from curricula.orderings.base import Arrangement, GroupedOrdering, Ordering
from curricula.pool import Pool
from lessons.errors import ConfigError

__all__ = ["Interleaved"]


class Interleaved(GroupedOrdering):
    """Cuts every group into equal parts and learns the first part of all groups, then the second of all, and so on.

    With an inner EasyFirst the difficulty rises from part to part, and every part visits every group: the interleaved
    curriculum of the human-inspired orders (Ahn et al. 2024, arXiv:2408.07888), there with three parts. With `mixed`,
    and as many parts as a group has lessons, it is an even mixture of the groups at every level.

    Args:
        by: Name of the signal of groups.
        inner: How the lessons of one group are ordered before they are cut.
        parts: Number of parts, at least 1. A group with fewer lessons has empty parts.
        mixed: Shuffle the lessons of one part over the groups, in place of group after group.
    """

    def __init__(self, by: str, inner: Ordering, parts: int = 3, mixed: bool = False) -> None:
        self.by = by
        self.inner = inner
        self.parts = parts
        self.mixed = mixed

    @property
    def needs_scores(self) -> bool:  # type: ignore[override]
        """Whether the inner order needs scores."""
        return self.inner.needs_scores

    def arrange(self, pool: Pool, scores: Scores, generator: np.random.Generator) -> Arrangement:
        """Cut and deal; every part makes a stage."""
        if self.parts < 1:
            raise ConfigError(f"Interleaved got parts={self.parts}; at least 1 is needed. Correct `parts`.")
        groups = pool.groups(self.by)
        part = np.empty(len(pool), np.int64)  # of each place
        within = np.empty(len(pool), np.int64)
        for group in range(len(groups)):
            members = groups.members(group)
            if len(members):
                order = members[self.inner.arrange(pool.subset(members), scores[members], generator).order]
                within[order] = np.arange(len(order))
                part[order] = part_of(len(order), self.parts)
        last = generator.permutation(len(pool)) if self.mixed else within
        order = np.lexsort((last, part) if self.mixed else (last, groups.codes, part))
        stages = part[order]
        return Arrangement(
            order.astype(np.int64), np.unique(stages, return_inverse=True)[1].reshape(-1).astype(np.int64)
        )


def part_of(size: int, parts: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the part of each of `size` lessons; parts differ by one lesson at most, the earlier being larger.

    >>> part_of(5, 3).tolist()
    [0, 0, 1, 1, 2]
    """
    return np.repeat(np.arange(parts), [len(piece) for piece in np.array_split(np.empty(size), parts)])
