"""Two tokenizers' tokens of one answer, aligned where both end a token at the same byte."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from students.spelling import Spelling

__all__ = ["Alignment", "Located", "align", "locate", "matched_tokens"]

Ints = npt.NDArray[np.int64]
NONE = -1


class Located(NamedTuple):
    """An answer's tokens as one tokenizer and template write them, end of turn included."""

    lead: bytes
    """White space that the template writes before the answer."""
    tail: bytes
    """What it writes between the answer and the end-of-turn token."""
    length: int
    """Bytes of the answer."""
    ends: Ints
    """Where each token ends, in bytes after the answer's first, int64 [tokens]. The end of turn is one byte long."""


class Alignment(NamedTuple):
    """Chunks: the shortest runs of tokens that both tokenizers close at the same byte, numbered from 0.

    Every chunk has at least one token on either side, and both sides write the same bytes in it.
    """

    mine: Ints
    """The chunk of each of the one tokenizer's tokens, rising, int64 [its tokens]."""
    other: Ints
    """The chunk of each of the other's, int64 [its tokens]."""


def locate(pieces: Sequence[bytes], answer: str) -> Located | None:
    """Find an answer in the bytes of its tokens.

    Args:
        pieces: The bytes of every token after the prompt, the end-of-turn token last.
        answer: The answer without outer white space.

    Returns:
        None where the tokens do not spell the answer: some tokenizers change the text, by lower-casing for example.
    """
    whole, wanted = b"".join(pieces[:-1]), answer.encode()
    lead, found, tail = whole.partition(wanted)
    if not found or lead.strip():
        return None
    ends = np.cumsum([len(piece) for piece in pieces[:-1]] + [1], dtype=np.int64) - len(lead)
    return Located(lead, tail, len(wanted), ends)


def align(mine: Located, other: Located) -> Alignment:
    """Cut one answer into chunks.

    Where the two templates write different white space around the answer, that belongs to the first and the last
    chunk: what they have in common is that the answer begins, and that it ends.

    >>> def one(*words): return locate([word.encode() for word in words], "to be")
    >>> align(one("to", " ", "be", "</s>"), one("to", " be", "<end>"))
    Alignment(mine=array([0, 1, 1, 2]), other=array([0, 1, 2]))
    """
    first = -len(mine.lead) if mine.lead == other.lead else 0
    last = mine.length + 1 + (len(mine.tail) if mine.tail == other.tail else 0)
    ends, others = (np.minimum(side.ends, last) for side in (mine, other))
    common = np.intersect1d(ends[ends >= first], others[others >= first])
    return Alignment(np.searchsorted(common, ends), np.searchsorted(common, others))


def matched_tokens(mine: Spelling, other: Spelling, ends_of_turn: tuple[int, int]) -> Ints:
    """Return for each token of a vocabulary the token of another that writes the same bytes, int64 [tokens].

    Where several do, the first is matched with the first, the second with the second; tokens that stand for single
    bytes come last. No token is matched twice, a vocabulary is matched with itself token by token, and the tokens that
    end a turn are matched whatever they are called. -1 where there is none.

    Args:
        mine: The vocabulary.
        other: The other one.
        ends_of_turn: The end-of-turn token of either.
    """
    by_bytes, waiting = (in_order(side, end) for side, end in zip((mine, other), ends_of_turn, strict=True))
    found = np.full(len(mine.pieces), NONE, np.int64)
    for piece, numbers in by_bytes.items():
        for number, match in zip(numbers, waiting.get(piece, ()), strict=False):  # one side may have more of them
            found[number] = match
    found[ends_of_turn[0]] = ends_of_turn[1]
    return found


def in_order(spelling: Spelling, end_of_turn: int) -> dict[bytes, list[int]]:
    """Return the tokens that write the same bytes, by these; the end of turn and tokens without bytes left out."""
    found = defaultdict(list)
    for number in sorted(range(len(spelling.pieces)), key=lambda number: (number in spelling.fallbacks, number)):
        if spelling.pieces[number] and number != end_of_turn:
            found[spelling.pieces[number]].append(number)
    return found
