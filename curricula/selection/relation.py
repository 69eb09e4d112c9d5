"""Which lessons stand for which others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.libraries import needed_by
from curricula.pool import Pool
from curricula.signals.embedding import Embedding, Vectors
from lessons.errors import ConfigError

__all__ = ["Links", "NearestNeighbours", "Relation"]

EXACT_UP_TO = 20_000


class Links(NamedTuple):
    """For some pairs of lessons, how well the second stands for the first; all other pairs have 0."""

    covered: Positions
    """Place of the first lesson of each pair, int64 [pairs]."""
    by: Positions
    """Place of the second, int64 [pairs]."""
    worth: Scores
    """How well, above 0, float64 [pairs]."""


class Relation(ABC):
    """Says how well lessons stand for one another: likeness of texts, or how much one helps with the other."""

    @abstractmethod
    def links(self, pool: Pool) -> Links:
        """Return the pairs with a worth above 0; a lesson stands best for itself."""


class NearestNeighbours(Relation):
    """Cosine likeness of a lesson and its nearest neighbours, 0 for all others; a lesson has likeness 1 with itself.

    Args:
        embedding: The vectors to compare.
        neighbours: How many others each lesson is linked to.
    """

    def __init__(self, embedding: Embedding, neighbours: int = 32) -> None:
        self.embedding = embedding
        self.neighbours = neighbours

    def links(self, pool: Pool) -> Links:
        """Search: exactly among up to 20,000 lessons, else in the cells nearest to each (an inverted file)."""
        if self.neighbours < 1:
            raise ConfigError(f"NearestNeighbours got neighbours={self.neighbours}; at least 1 is needed.")
        vectors = np.ascontiguousarray(pool.vectors(self.embedding), np.float32)
        with needed_by(self):
            found, likeness = nearest(vectors, min(self.neighbours + 1, len(pool)))
        covered = np.repeat(np.arange(len(pool)), found.shape[1])
        by, worth = found.ravel(), likeness.ravel().astype(np.float64)
        good = (by >= 0) & (by != covered) & (worth > 0)
        own = np.arange(len(pool))
        return Links(
            np.concatenate([own, covered[good]]),
            np.concatenate([own, by[good]]),
            np.concatenate([np.ones(len(pool)), np.minimum(worth[good], 1.0)]),
        )


def nearest(vectors: Vectors, count: int) -> tuple[Positions, Vectors]:
    """Return the places of the nearest vectors (themselves among them) and their cosines, each [n, count]."""
    import faiss

    size, width = vectors.shape
    index: Any = faiss.IndexFlatIP(width)
    if size > EXACT_UP_TO:
        cells = int(4 * size**0.5)
        index = faiss.IndexIVFFlat(index, width, cells, faiss.METRIC_INNER_PRODUCT)
        index.cp.niter, index.cp.min_points_per_centroid, index.nprobe = 8, 1, 12
        index.train(vectors[: 40 * cells])
    index.add(vectors)
    likeness, found = index.search(vectors, count)
    return np.asarray(found, np.int64), np.asarray(likeness, np.float32)
