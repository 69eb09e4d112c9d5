"""Anthropic's message batches: requests are handed in at once, worked on within a day, and answered line by line."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from lessons.errors import CallFailed
from teachers.batch_api import BatchAPI, BatchResult, BatchStatus
from teachers.exchange import JSON, Request
from teachers.hosted.hosted_client import HostedClient
from teachers.hosted.http_errors import own

__all__ = ["AnthropicBatches"]

PATH = "/v1/messages/batches"
PAGE = 100
CLOCKS_DIFFER_SECONDS = 600.0
POLL_SECONDS = (2.0, 5.0, 10.0, 30.0, 60.0)  # the last goes on
HEALING = frozenset({"api_error", "overloaded_error", "rate_limit_error", "timeout_error"})


class AnthropicBatches(BatchAPI):
    """Hands in, watches and collects batches of one backend's requests.

    Args:
        connection: The backend's connection.
        body: Writes the fields of a request.
    """

    largest_batch = 100_000
    largest_bytes = 256_000_000

    def __init__(self, connection: HostedClient, body: Callable[[Request], JSON]) -> None:
        self.connection = connection
        self.body = body

    def entry(self, key: str, request: Request) -> JSON:
        """Return one request of a batch."""
        return {"custom_id": key, "params": self.body(request)}

    def size(self, key: str, request: Request) -> int:
        """Return at least the bytes that it takes: the SDK writes shorter JSON than this, which pays for the frame."""
        return len(json.dumps(self.entry(key, request))) + 2

    async def submit(self, items: Sequence[tuple[str, Request]], tag: str) -> str:
        """Hand the requests in. There is no room for the tag: `find` knows a batch by its request keys."""
        body = {"requests": [self.entry(key, request) for key, request in items]}
        return str((await self.connection.post(PATH, body, "id"))["id"])

    async def find(self, tag: str, keys: frozenset[str], not_before: float) -> str | None:
        """Look for a batch of ours by its size and by the request keys in its results.

        Those are only to be had once a batch has ended. So one that is young enough and has the right size is waited
        for, if need be for the day that it may take: to hand the same requests in again would pay for them twice.
        """
        for batch in await self.candidates(len(keys), not_before):
            await self.wait_for(batch)
            async with aclosing(self.entries(batch, 1)) as entries:
                async for entry in entries:  # one line tells: no other batch of that age holds our keys
                    if entry["custom_id"] in keys:
                        return batch
                    break
        return None

    async def candidates(self, size: int, not_before: float) -> list[str]:
        """Return the batches of that size, not older, newest first."""
        found: list[str] = []
        after: dict[str, Any] = {}
        while True:
            page = await self.connection.get(PATH, "data", limit=PAGE, **after)
            for batch in page["data"]:
                created = datetime.fromisoformat(batch["created_at"]).timestamp()
                if created < not_before - CLOCKS_DIFFER_SECONDS:
                    return found
                if sum(batch["request_counts"].values()) == size:
                    found.append(str(batch["id"]))
            if not page.get("has_more") or not page["data"]:
                return found
            after = {"after_id": page["data"][-1]["id"]}

    async def wait_for(self, batch: str) -> None:
        """Wait until a batch has ended."""
        waits = iter(POLL_SECONDS)
        while (await self.status(batch)).state == "working":
            await self.connection.sleep(next(waits, POLL_SECONDS[-1]))

    async def status(self, batch: str) -> BatchStatus:
        """Ask how far a batch is. The provider counts nothing before all of it has ended."""
        about = own(await self.connection.get(f"{PATH}/{batch}", "processing_status"), "id", batch)
        counts = about["request_counts"]
        failed = sum(counts.get(kind) or 0 for kind in ("errored", "canceled", "expired"))
        state = "ended" if about["processing_status"] == "ended" else "working"
        return BatchStatus(state, counts.get("succeeded") or 0, failed)  # type: ignore[arg-type]

    async def results(self, batch: str) -> AsyncIterator[BatchResult]:
        """Yield what came of each request, once.

        Raises:
            CallFailed: The provider has thrown the results away, which it does after 29 days.
        """
        about = own(await self.connection.get(f"{PATH}/{batch}", "processing_status"), "id", batch)
        if about.get("archived_at") is not None:
            raise CallFailed(
                f"The results of batch {batch} can no longer be had: the provider put them away on "
                f"{about['archived_at']}. Results are kept for 29 days. Ask the questions again."
            )
        expected = sum(about["request_counts"].values())
        async for entry in self.entries(batch, expected):
            yield self.result(entry["custom_id"], entry.get("result") or {})

    def entries(self, batch: str, expected: int) -> AsyncGenerator[JSON]:
        """Yield the lines of the results as they are; for seconds after its end a batch may have none yet (404)."""
        return self.connection.lines(lambda sdk: sdk.messages.batches.with_streaming_response.results(batch), expected)

    def result(self, key: str, result: JSON) -> BatchResult:
        """Read one line of the results."""
        kind, message = result.get("type"), result.get("message")
        if kind == "succeeded" and isinstance(message, dict) and message.get("stop_reason"):
            return BatchResult(key, message)
        if kind in ("expired", "canceled"):
            return BatchResult(key, None, f"the request was {kind} before it was answered", can_heal=True)
        error = (result.get("error") or {}).get("error") or result.get("error") or {}
        reason = f"{error.get('type') or kind}: {error.get('message') or 'no reason given'}"
        can_heal = error.get("type") in HEALING or kind == "succeeded"
        return BatchResult(key, None, self.connection.redact(reason), can_heal)

    async def cancel(self, batch: str) -> None:
        """Ask to stop."""
        await self.connection.post(f"{PATH}/{batch}/cancel", {}, "id")
