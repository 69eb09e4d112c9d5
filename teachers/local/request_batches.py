"""Which waiting requests a local model answers together: rows of similar length, and nobody is passed over for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import blake2b

from teachers.calls.request_keys import request_json
from teachers.exchange import JSON, Request

__all__ = ["Group", "Row", "choose"]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One completion wanted of a local model."""

    request: Request
    """What was asked."""
    prompt: list[int]
    """The tokens of the conversation."""
    future: Future[JSON]
    """Takes the raw reply."""
    continuation: list[int] | None = None
    """The tokens to score; None to write."""
    counts_prompt: bool = True
    """Whether its reply counts the tokens read; of several samples drawn by one call only the first does."""

    @property
    def seed(self) -> int:
        """The seed of this row's draws: the request's own, mixed with everything it asks."""
        return int.from_bytes(blake2b(request_json(self.request).encode(), digest_size=7).digest(), "big")


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rows that belong together: the samples of one question, which share its reading."""

    rows: list[Row]
    """One row a sample."""

    @property
    def scores(self) -> bool:
        """Whether a given text is scored; otherwise one is written."""
        return self.rows[0].continuation is not None

    @property
    def length(self) -> int:
        """Tokens a row begins with: what is padded."""
        first = self.rows[0]
        return len(first.prompt) + len(first.continuation or ())


def choose(waiting: Sequence[Group], most_rows: int) -> list[Group]:
    """Choose the next batch: those sorted by length are cut into batches, and the one with the longest waiting is next.

    So padding stays small, and whoever has k others before it waits for at most k batches.

    Args:
        waiting: Groups in the order they came; not empty.
        most_rows: Most rows of a batch; a single larger group is chosen all the same.
    """
    oldest = waiting[0]
    alike = sorted((group for group in waiting if group.scores == oldest.scores), key=lambda group: group.length)
    batches = list(cut(alike, most_rows))
    if oldest in batches[-1]:
        return next(cut(alike[::-1], most_rows))[::-1]  # the last batch of the cut may be small: fill it up
    return next(batch for batch in batches if oldest in batch)


def cut(groups: Sequence[Group], most_rows: int) -> Iterator[list[Group]]:
    """Cut groups into batches of at most so many rows, as long as single groups fit."""
    batch: list[Group] = []
    rows = 0
    for group in groups:
        if batch and rows + len(group.rows) > most_rows:
            yield batch
            batch, rows = [], 0
        batch.append(group)
        rows += len(group.rows)
    if batch:
        yield batch
