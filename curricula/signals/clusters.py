"""Groups found in the data."""

from __future__ import annotations

import numpy as np

from curricula.libraries import needed_by
from curricula.signals.base import Column, NamedSignal
from curricula.signals.embedding import Embedding, Vectors
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["Clusters"]

POINTS_PER_CLUSTER = 256


class Clusters(NamedSignal):
    """Which cluster each lesson belongs to, by k-means on its vector: a category named "0", "1", ...

    The centres are found on a sample of at most 256 lessons a cluster, so time hardly grows with more lessons.

    Args:
        embedding: The vectors.
        clusters: Number of clusters, at least 1, and at most one a lesson.
        iterations: Rounds of k-means.
        restarts: How often to start anew; the best is kept.
        seed: Seed of the first centres and of the sample.
        called: Name of the column.
    """

    def __init__(
        self,
        embedding: Embedding,
        clusters: int = 100,
        iterations: int = 20,
        restarts: int = 1,
        seed: int = 0,
        called: str = "cluster",
    ) -> None:
        super().__init__(called)
        self.embedding = embedding
        self.clusters = clusters
        self.iterations = iterations
        self.restarts = restarts
        self.seed = seed

    def compute(self, lessons: LessonSet) -> Column:
        """Embed and cluster."""
        if not 1 <= self.clusters <= len(lessons):
            raise ConfigError(
                f"Clusters got clusters={self.clusters} for {len(lessons)} lessons; allowed are 1 to as many as there "
                "are lessons. Correct `clusters`."
            )
        vectors = self.embedding.embed(lessons, np.arange(len(lessons)))
        with needed_by(self):
            codes = self.assign(np.ascontiguousarray(vectors, np.float32))
        labels = tuple(str(number) for number in range(self.clusters))
        return Column(codes.astype(np.float64), provenance={"source": "k-means"}, labels=labels)

    def assign(self, vectors: Vectors) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the cluster of each vector."""
        import faiss

        means = faiss.Kmeans(
            vectors.shape[1], self.clusters, niter=self.iterations, nredo=self.restarts, seed=self.seed + 1,
            min_points_per_centroid=1, max_points_per_centroid=POINTS_PER_CLUSTER,
        )  # fmt: skip
        means.train(vectors)
        return np.asarray(means.index.search(vectors, 1)[1][:, 0], np.int64)
