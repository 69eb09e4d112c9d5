"""Lessons that say nearly the same as another."""

from __future__ import annotations

import numpy as np

from curricula.libraries import needed_by
from curricula.pool import Pool
from curricula.selection.base import Selection, Selector
from curricula.selection.duplicates import keep_first
from curricula.selection.same_texts import normalised
from curricula.signals.texts import lesson_texts
from lessons.errors import ConfigError

__all__ = ["NearlyDistinct", "shingles"]


class NearlyDistinct(Selector):
    """Keeps a lesson only if its text is not nearly that of one kept before.

    Two texts are alike by the share of their word sequences that both have (Jaccard's index). Candidates are found by
    MinHash and locality-sensitive hashing (Broder 1997; the library datasketch), and each is then checked exactly: what
    is left out is always alike, and a pair that is just alike may now and then be missed.

    Args:
        of: What is compared: "question", "reference", or a kind of annotation. Lessons without it are all kept.
        threshold: From which Jaccard index on two texts are alike, in (0, 1].
        words: Length of the word sequences; texts that are shorter are compared as a whole.
        permutations: Size of the MinHash; more find more surely and take longer.
    """

    def __init__(self, of: str = "question", threshold: float = 0.8, words: int = 3, permutations: int = 128) -> None:
        self.of = of
        self.threshold = threshold
        self.words = words
        self.permutations = permutations

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Go through the lessons in their order."""
        if not (0 < self.threshold <= 1 and self.words >= 1 and self.permutations >= 16):
            raise ConfigError(
                f"NearlyDistinct got threshold={self.threshold}, words={self.words}, permutations={self.permutations}; "
                "the threshold must be above 0 and at most 1, words at least 1, permutations at least 16. Correct them."
            )
        with needed_by(self):
            from datasketch import MinHash, MinHashLSH
        index = MinHashLSH(threshold=self.threshold, num_perm=self.permutations)
        texts = normalised(lesson_texts(pool.lessons, self.of, pool.rows)).to_pylist()
        parts = [None if text is None else shingles(text, self.words) for text in texts]
        twin = np.full(len(pool), -1, np.int64)
        for place, mine in enumerate(parts):
            if mine is None:
                continue
            sketch = MinHash(num_perm=self.permutations, seed=1)
            sketch.update_batch([part.encode() for part in mine])
            for other in sorted(index.query(sketch)):
                theirs = parts[other]
                if theirs is not None and len(mine & theirs) >= self.threshold * len(mine | theirs):
                    twin[place] = other
                    break
            else:
                index.insert(place, sketch, check_duplication=False)
        return keep_first(twin, f"has nearly the same {self.of} as another")


def shingles(text: str, words: int) -> set[str]:
    """Return the different sequences of so many words; the whole text if it has fewer.

    >>> sorted(shingles("a b a b a", 2))
    ['a b', 'b a']
    """
    parts = text.split()
    return {" ".join(parts[k : k + words]) for k in range(max(1, len(parts) - words + 1))}
