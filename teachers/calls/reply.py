"""What an ask brings, and the counts of what was asked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

from lessons.errors import CallFailed
from teachers.backend import TeacherBackend
from teachers.exchange import Completion
from teachers.ledger.ledger_records import StoredReply

__all__ = ["UNREADABLE", "Counts", "Reply", "read_reply"]

UNREADABLE = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
)  # what reading a reply of a wrong shape raises


class Reply(NamedTuple):
    """A completion and where it came from."""

    completion: Completion
    """What the teacher wrote."""
    key: str
    """The ledger's key."""
    cost_dollars: float | None
    """What it cost when it was bought; None when the price was not known."""
    from_ledger: bool
    """Whether it was there already."""


@dataclass(slots=True)
class Counts:
    """What a run, or one teacher in it, did so far."""

    calls: int = 0
    """New replies."""
    from_ledger: int = 0
    """Replies that were there already."""
    failed_attempts: int = 0
    """Calls that brought no reply."""
    input_tokens: int = 0
    """Tokens of new replies."""
    output_tokens: int = 0
    """Tokens of new replies."""
    dollars: float = 0.0
    """Price of new replies, as far as known."""
    dollars_from_ledger: float = 0.0
    """What the replies that were there already once cost, as far as known."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def read_reply(backend: TeacherBackend, stored: StoredReply, from_ledger: bool) -> Reply:
    """Read a stored reply.

    Raises:
        CallFailed: It does not have the shape of the backend's replies.
    """
    try:
        completion = backend.read(stored.raw)
    except UNREADABLE as error:
        raise CallFailed(
            f"The reply stored under {stored.key} cannot be read ({type(error).__name__}: {error}). "
            "It is in the ledger as it came; see it with `tutelage show`."
        ) from error
    return Reply(completion, stored.key, stored.cost_dollars, from_ledger)
