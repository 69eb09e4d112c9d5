"""Vectors: what selectors and orderings compare lessons by."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from curricula.libraries import needed_by
from curricula.signals.texts import lesson_texts
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["Embedding", "Vectors", "WordVectors"]

Vectors = npt.NDArray[np.float32]
TERMS = 2**18


class Embedding(ABC):
    """Computes a vector for each lesson; lessons alike have vectors of about one direction."""

    @abstractmethod
    def embed(self, lessons: LessonSet, positions: npt.NDArray[np.int64]) -> Vectors:
        """Return the vectors of the lessons at these positions, of length 1 (or 0), float32 [positions, dimensions].

        Raises:
            DataError: The lessons lack what is embedded.
        """


class WordVectors(Embedding):
    """The words of a text, weighted by rarity and pressed into a few dimensions: needs no model.

    Terms are hashed, weighted by inverse document frequency, and projected on the strongest directions (latent
    semantic analysis; Deerwester et al. 1990).

    Args:
        of: "question", "reference", or a kind of annotation such as "rationale". A lesson without it gets zeros.
        dimensions: Length of the vectors.
        seed: Seed of the projection's start.
    """

    def __init__(self, of: str = "question", dimensions: int = 64, seed: int = 0) -> None:
        self.of = of
        self.dimensions = dimensions
        self.seed = seed

    def embed(self, lessons: LessonSet, positions: npt.NDArray[np.int64]) -> Vectors:
        """Hash, weigh, project, and scale to length 1."""
        if self.dimensions < 2:
            raise ConfigError(f"WordVectors got dimensions={self.dimensions}; at least 2 are needed.")
        with needed_by(self):
            from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
            from sklearn.preprocessing import normalize
            from sklearn.utils.extmath import randomized_svd
        texts = lesson_texts(lessons, self.of, positions).fill_null("").to_pylist()
        counts = HashingVectorizer(n_features=TERMS, alternate_sign=False, dtype=np.float32).transform(texts)
        terms = TfidfTransformer().fit_transform(counts)
        width = min(self.dimensions, len(texts))
        directions, strengths, _ = randomized_svd(terms, width, random_state=self.seed)
        return np.asarray(normalize(directions * strengths), np.float32)
