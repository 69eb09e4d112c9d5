"""Questions that nearly repeat others: the same numbers and almost the same words in the same order."""

from __future__ import annotations

import re
from itertools import pairwise

__all__ = ["NearDuplicates", "tokens"]

TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+|[^\w\s]")
"""A number, a sign of a script without spaces, a word, or a symbol."""


def tokens(text: str) -> list[str]:
    """Split a text into numbers, words and symbols.

    >>> tokens("Solve 3x+5 = 20.")
    ['solve', '3', 'x', '+', '5', '=', '20', '.']
    """
    return TOKEN.findall(text.casefold())


class NearDuplicates:
    """Remembers texts and tells which of them a new one nearly repeats.

    Two texts nearly repeat each other when they hold the same numbers, however often, and the pairs of neighbouring
    tokens that they share make up at least `max_overlap` of all pairs in either (Jaccard's index). So another number
    makes another question, and so does another order of words (our reading; Self-Instruct, Wang et al. 2022,
    arXiv:2212.10560, compares by ROUGE-L and takes numbers for words).

    Args:
        max_overlap: Share of the pairs, in (0, 1], from which on two texts count as the same.
    """

    def __init__(self, max_overlap: float = 0.7) -> None:
        self.max_overlap = max_overlap
        self.texts: list[tuple[str, frozenset[str]]] = []
        self.holders: dict[tuple[str, ...], dict[str, list[int]]] = {}

    def nearest(self, text: str) -> str | None:
        """Return the first remembered text that this one nearly repeats, or None."""
        numbers, pairs = fingerprint(text)
        holders = self.holders.get(numbers, {})
        # Texts this alike share one of any (1 - max_overlap) * |pairs| + 1 pairs: looking at so few is enough.
        looked_at = sorted(pairs)[: int((1 - self.max_overlap) * len(pairs) + 1e-9) + 1]
        for position in sorted({k for pair in looked_at for k in holders.get(pair, ())}):
            other, its_pairs = self.texts[position]
            if len(pairs & its_pairs) >= self.max_overlap * len(pairs | its_pairs):
                return other
        return None

    def add(self, text: str) -> None:
        """Remember a text."""
        numbers, pairs = fingerprint(text)
        holders = self.holders.setdefault(numbers, {})
        for pair in pairs:
            holders.setdefault(pair, []).append(len(self.texts))
        self.texts.append((text, pairs))


def fingerprint(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the numbers of a text, sorted, and its pairs of neighbouring tokens (a lone token stands for a pair)."""
    found = tokens(text)
    numbers = tuple(sorted({token for token in found if token[0].isdigit()}))
    return numbers, frozenset(" ".join(pair) for pair in pairwise(found)) or frozenset(found)
