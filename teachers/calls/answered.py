"""One reply as it came: read once, with what it took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from teachers.backend import TeacherBackend
from teachers.calls.budget import Cost
from teachers.calls.pricing import Price
from teachers.calls.reply import UNREADABLE
from teachers.exchange import JSON, Completion

__all__ = ["Answered", "look", "took", "total"]


class Answered(NamedTuple):
    """A raw reply, what it says, and what it took."""

    raw: JSON
    """The reply."""
    completion: Completion | None = None
    """What it says; None when it cannot be read."""
    taken: Cost | None = None
    """What it took; None when it does not say how many tokens."""
    dollars: float | None = None
    """What it cost; None when the price or the tokens are not known."""

    @property
    def input_tokens(self) -> int | None:
        """Tokens read, as far as the reply says."""
        return None if self.completion is None else self.completion.input_tokens

    @property
    def output_tokens(self) -> int | None:
        """Tokens written, as far as the reply says."""
        return None if self.completion is None else self.completion.output_tokens


def look(backend: TeacherBackend, raw: JSON, price_of: Callable[[Completion], Price | None]) -> Answered:
    """Read a reply for its tokens; an unreadable one is stored too, and whoever asked is told what is wrong."""
    try:
        completion = backend.read(raw)
    except UNREADABLE:
        return Answered(raw)
    read, written = completion.input_tokens, completion.output_tokens
    if read is None or written is None:
        return Answered(raw, completion)
    price = price_of(completion)
    if price is None:
        return Answered(raw, completion, Cost(0.0, 1, read + written))
    dollars = price.cost(read, written, completion.cached_input_tokens, completion.cache_write_tokens)
    return Answered(raw, completion, Cost(dollars, 1, read + written), dollars)


def took(answers: Sequence[Answered], worst: Cost) -> Cost:
    """Return what one call took that brought several replies; the worst case where one of them does not say."""
    if len(answers) == 1:
        return answers[0].taken or worst
    costs = [answered.taken for answered in answers if answered.taken is not None]
    if len(costs) < len(answers):
        return worst
    return Cost(sum(cost.dollars for cost in costs), 1, sum(cost.tokens for cost in costs))


def total(amounts: Sequence[int | None]) -> int | None:
    """Add token counts; None when one is not known.

    >>> total([1, 2]), total([1, None])
    (3, None)
    """
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
