"""Answers what is asked about one prompt from the ledger alone, at once or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from teachers.calls.caller import Caller
from teachers.calls.reply import Reply, read_reply
from teachers.calls.request_keys import request_json
from teachers.exchange import Request

__all__ = ["Lookup", "Missing"]


class Missing(BaseException):
    """A reply is not in the ledger. No `Exception`: it must not be taken for a failure on its way to whoever looks."""


class Lookup:
    """Looks up one teacher's replies about one prompt. What it found counts only when all was found.

    Args:
        caller: The teacher's caller.
    """

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.replies = 0
        self.dollars = 0.0

    async def find(self, request: Request) -> Reply:
        """Return the reply to a request, without waiting for anything; raise `Missing` where there is none."""
        caller = self.caller
        stored = caller.ledger.get(caller.keys.key(request_json(request)))
        if stored is None:
            raise Missing
        self.replies += 1
        self.dollars += stored.cost_dollars or 0.0
        return read_reply(caller.backend, stored, from_ledger=True)

    async def find_samples(self, requests: Sequence[Request]) -> list[Reply]:
        """Return the replies to several requests; errors as `find`."""
        return [await self.find(request) for request in requests]

    def count(self) -> None:
        """Count what was found."""
        self.caller.count_known(self.replies, self.dollars)
