"""Which texts say the same, found by a number for each text: a table of all different texts would not fit in memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curricula.arrays import Positions

__all__ = ["first_with_same_key", "normalised", "same_texts", "text_keys"]

Keys = npt.NDArray[np.uint64]
MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that its powers never vanish modulo 2^64
TEXTS_PER_BLOCK = 100_000
UNEVEN_GAP = r"\s\s|[\t\n\f\r]"


def same_texts(texts: pa.Array) -> Positions:
    """Return for each text the first place that has the same one once normalised, int64 [n]; -1 for null.

    Texts are told apart by 64-bit keys, and those with one key are compared: a chance collision changes nothing.
    """
    starts = range(0, len(texts), TEXTS_PER_BLOCK)
    blocks = [text_keys(normalised(texts.slice(start, TEXTS_PER_BLOCK))) for start in starts]
    known = np.flatnonzero(np.asarray(texts.is_valid()))
    keys = np.concatenate([np.empty(0, np.uint64), *blocks])[known]
    first = np.full(len(texts), -1, np.int64)
    first[known] = known[first_with_same_key(keys)]
    doubtful = known[first[known] != known]
    if not same(texts, doubtful, first[doubtful]):
        codes = normalised(texts).dictionary_encode().indices.take(pa.array(known)).to_numpy().astype(np.uint64)
        first[known] = known[first_with_same_key(codes)]
    return first


def same(texts: pa.Array, one: Positions, other: Positions) -> bool:
    """Return whether all pairs of places hold the same text once normalised."""
    for start in range(0, len(one), TEXTS_PER_BLOCK):
        span = slice(start, start + TEXTS_PER_BLOCK)
        left, right = (normalised(texts.take(pa.array(places[span]))) for places in (one, other))
        if not pc.all(pc.equal(left, right)).as_py():
            return False
    return True


def text_keys(texts: pa.Array) -> Keys:
    """Return a number for each text, equal for equal ones, uint64 [n]: sum_k (byte_k + 1) M^(k+1) modulo 2^64.

    >>> keys = text_keys(pa.array(["ab", "ba", "ab", ""]))
    >>> (bool(keys[0] == keys[2]), len(set(keys.tolist())))
    (True, 3)
    """
    filled = texts.fill_null("")
    offsets = np.frombuffer(filled.buffers()[1], np.int32)[filled.offset : filled.offset + len(filled) + 1]
    lengths, starts = np.diff(offsets), (offsets[:-1] - offsets[0]).astype(np.int64)
    data = np.frombuffer(filled.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    powers = np.cumprod(np.full(int(lengths.max(initial=0)), MULTIPLIER, np.uint64))  # wraps around, as it shall
    terms = (data.astype(np.uint64) + np.uint64(1)) * powers[np.arange(len(data)) - np.repeat(starts, lengths)]
    keys = np.zeros(len(filled), np.uint64)
    written = np.flatnonzero(lengths)
    if len(written):
        keys[written] = np.add.reduceat(terms, starts[written])
    return keys


def first_with_same_key(keys: Keys) -> Positions:
    """Return for each entry the first place that has the same key, int64 [n].

    >>> first_with_same_key(np.array([7, 4, 7], np.uint64)).tolist()
    [0, 1, 0]
    """
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]]) if len(keys) else order
    first = np.empty(len(keys), np.int64)
    first[order] = np.repeat(order[starts], np.diff(np.r_[starts, len(keys)]))  # stable: each run begins with its first
    return first


def normalised(texts: pa.Array) -> pa.Array:
    """Return texts in lower case, gaps made single spaces, without punctuation at the ends; null stays null.

    >>> normalised(pa.array(["  What is\\n2? ", None])).to_pylist()
    ['what is 2', None]
    """
    lower = pc.utf8_lower(texts)
    uneven = pc.match_substring_regex(lower, UNEVEN_GAP).fill_null(False)  # replacing takes 8 times as long as looking
    if pc.any(uneven).as_py():
        lower = pc.replace_with_mask(lower, uneven, pc.replace_substring_regex(lower.filter(uneven), r"\s+", " "))
    return pc.utf8_trim(lower, " .,;:!?\"'")
