"""Whether lessons alike have the same label."""

from __future__ import annotations

from typing import Any

import numpy as np

from curricula.libraries import needed_by
from curricula.signals.base import Column, NamedSignal, Signal
from curricula.signals.embedding import Embedding
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["NeighbourAgreement"]


class NeighbourAgreement(NamedSignal):
    """The share of a lesson's nearest neighbours that have its label: low for labels that are likely wrong.

    After HAST (2024, arXiv:2406.09206 unchecked), which keeps a label of its own only if most of the 15 nearest
    neighbours have it: select with a Band from 0.5 up. The cosine of the vectors and the exact search are our reading.

    Args:
        embedding: Vectors of the lessons.
        label: A signal that names categories, such as the final answer's or a teacher's label.
        neighbours: How many neighbours are asked, at least 1.
        called: Name of the column.
    """

    def __init__(
        self, embedding: Embedding, label: Signal, neighbours: int = 15, called: str = "neighbour_agreement"
    ) -> None:
        super().__init__(called)
        self.embedding = embedding
        self.label = label
        self.neighbours = neighbours

    def compute(self, lessons: LessonSet) -> Column:
        """Search among the lessons that have a label; the others miss the share.

        Raises:
            ConfigError: The label names no categories, or fewer lessons have one than neighbours are asked.
        """
        column = self.label.measure(lessons)
        labelled = np.flatnonzero(~np.isnan(column.values))
        if not column.labels or not 1 <= self.neighbours < len(labelled):
            raise ConfigError(
                f"NeighbourAgreement got neighbours={self.neighbours} and the label {self.label.name!r}, which names "
                f"{len(column.labels)} categories of {len(labelled)} lessons; allowed is a signal of categories, "
                "such as curricula.Category, and 1 neighbour or more, fewer than those lessons. Correct them."
            )
        vectors = np.ascontiguousarray(self.embedding.embed(lessons, labelled), np.float32)
        with needed_by(self):
            import faiss

            index: Any = faiss.IndexFlatIP(vectors.shape[1])
            index.add(vectors)
            found = np.asarray(index.search(vectors, self.neighbours + 1)[1], np.int64)
        itself = found == np.arange(len(labelled))[:, None]
        itself[~itself.any(axis=1), -1] = True  # more than that many twins: the last of them counts as itself
        codes = column.values[labelled]
        same = (codes[found] == codes[:, None]) & ~itself
        share = np.full(len(lessons), np.nan)
        share[labelled] = same.sum(axis=1) / self.neighbours
        return Column(share, provenance={"label": self.label.name, "neighbours": self.neighbours})
