"""From one group to the one most like it."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.groups import Groups
from curricula.orderings.base import Ordering
from curricula.orderings.blocks import Blocks
from curricula.pool import Pool
from curricula.signals.embedding import Embedding

__all__ = ["CentroidPath", "nearest_path"]


class CentroidPath(Blocks):
    """Groups one after another along a path through their centres: always on to the nearest not yet learnt.

    After the Curriculum Designer (Singh et al. 2022, arXiv:2211.15470), which scores the orders of classes by how like
    their features are; the path is our reading.

    Args:
        by: Name of the signal of groups.
        embedding: The vectors whose mean is a group's centre.
        inner: How the lessons of one group are ordered.
        start: Name of the first group; None starts where the others are farthest on the whole.
    """

    def __init__(self, by: str, embedding: Embedding, inner: Ordering, start: str | None = None) -> None:
        self.by = by
        self.embedding = embedding
        self.inner = inner
        self.start = start

    def sequence(self, pool: Pool, groups: Groups, scores: Scores, generator: np.random.Generator) -> list[int]:
        """Walk from centre to centre."""
        vectors = pool.vectors(self.embedding).astype(np.float64)
        present = np.flatnonzero(groups.sizes)
        centres = np.array([vectors[groups.members(int(group))].mean(axis=0) for group in present])
        distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)
        first = int(distances.sum(axis=1).argmax())
        if self.start is not None:
            first = int(np.argmax(groups.vector({self.start: 1.0}, "CentroidPath's `start`", default=0.0)[present]))
        return [int(present[place]) for place in nearest_path(distances, first)]


def nearest_path(distances: Scores, first: int) -> Positions:
    """Return the points in the order of a walk that always goes on to the nearest point not yet visited.

    >>> nearest_path(np.array([[0, 3, 1], [3, 0, 2], [1, 2, 0.0]]), 0).tolist()
    [0, 2, 1]
    """
    path, left = [first], np.ones(len(distances), bool)
    left[first] = False
    while left.any():
        path.append(int(np.argmin(np.where(left, distances[path[-1]], np.inf))))
        left[path[-1]] = False
    return np.array(path, np.int64)
