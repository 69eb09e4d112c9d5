"""A training sequence as a reader sees it: which text counts in the loss, and which does not."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from students.renderings.base import Example

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedTokenizerBase

__all__ = ["Span", "preview"]


class Span(NamedTuple):
    """A run of tokens with one loss weight."""

    text: str
    """The tokens decoded, special tokens included."""
    weight: float
    """Their loss weight; 0 where nothing is learnt."""
    tokens: int
    """How many they are."""


def preview(example: Example, tokenizer: PreTrainedTokenizerBase) -> list[Span]:
    """Return a sequence as runs of equal weight, to look at before hours are spent on it."""
    pairs = list(zip(example.input_ids, example.weights, strict=True))
    runs = [(weight, [token for token, _ in run]) for weight, run in groupby(pairs, key=lambda pair: pair[1])]
    return [Span(str(tokenizer.decode(ids)), weight, len(ids)) for weight, ids in runs]
