"""How rare the words of a text are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curricula.arrays import Scores
from curricula.signals.base import Column, Signal
from curricula.signals.texts import lesson_texts
from lessons.lesson_set import LessonSet

__all__ = ["Rarity"]

TEXTS_PER_BLOCK = 50_000


class Rarity(Signal):
    """Word rarity, -sum over the words of log p(w), p being a word's share of all words of these lessons.

    A difficulty of competence-based learning (Platanios et al. 2019, arXiv:1903.09848): long texts of rare words are
    hard. Words are runs of letters and digits, in lower case. The column is called for example "question_rarity".

    Args:
        of: "question", "reference", or a kind of annotation such as "rationale".
        mean: Divide by the number of words, so that length does not count.
    """

    def __init__(self, of: str = "question", mean: bool = False) -> None:
        self.of = of
        self.mean = mean

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.of}_rarity"

    def compute(self, lessons: LessonSet) -> Column:
        """Count the words, then add up; a lesson without that text, or without words in it, misses the value."""
        texts = lesson_texts(lessons, self.of)
        blocks = [texts.slice(start, TEXTS_PER_BLOCK) for start in range(0, len(texts), TEXTS_PER_BLOCK)]
        counts: dict[str, int] = {}
        for block in blocks:
            for entry in pc.value_counts(words_of(block).flatten()).to_pylist():
                counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
        counts.pop("", None)
        known = pa.array(list(counts), pa.string())
        share = np.array(list(counts.values()), np.float64) / max(1, sum(counts.values()))
        values = np.concatenate([self.rarity(words_of(block), known, -np.log(share)) for block in blocks])
        return Column(values, "nats", {"source": f"the words of the {self.of}", "different_words": len(counts)})

    def rarity(self, words: pa.ListArray, known: pa.Array, surprise: Scores) -> Scores:
        """Add up the surprise of each text's words, float64 [texts]."""
        code = pc.index_in(words.flatten(), known).fill_null(-1).to_numpy(zero_copy_only=False)
        text = pc.list_parent_indices(words).to_numpy(zero_copy_only=False)
        found = code >= 0
        sums = np.bincount(text[found], surprise[code[found]], len(words)).astype(np.float64)
        counts = np.bincount(text[found], minlength=len(words))
        sums[counts == 0] = np.nan
        rarity: Scores = sums / counts.clip(1) if self.mean else sums
        return rarity


def words_of(texts: pa.Array) -> pa.ListArray:
    """Return the words of each text; some may be empty texts, from the ends.

    >>> words_of(pa.array(["Two words!", None])).to_pylist()
    [['two', 'words', ''], None]
    """
    return pc.split_pattern_regex(pc.utf8_lower(texts), r"[^\pL\pN]+")
