"""OpenAI's batches: a file of requests is uploaded, worked on within a day, and answered by two files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from teachers.backend import JSON, Fatal, Request
from teachers.batch_api import BatchAPI, BatchResult, BatchStatus
from teachers.hosted.hosted_client import HostedClient
from teachers.hosted.http_errors import classify_status, own

__all__ = ["OpenAIBatches"]

TAG = "tutelage"
PAGE = 100
CLOCKS_DIFFER_SECONDS = 600.0
WORKING = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
HEALING = frozenset({"batch_expired", "batch_cancelled", "request_timeout"})


class OpenAIBatches(BatchAPI):
    """Hands in, watches and collects batches of one backend's requests.

    Args:
        connection: The backend's connection.
        endpoint: Path of the interface that the requests are for, such as /v1/chat/completions.
        body: Writes the fields of a request.
        required: The field that an answer must have.
    """

    largest_batch = 50_000
    largest_bytes = 200_000_000

    def __init__(self, connection: HostedClient, endpoint: str, body: Callable[[Request], JSON], required: str) -> None:
        self.connection = connection
        self.endpoint = endpoint
        self.body = body
        self.required = required

    def line(self, key: str, request: Request) -> bytes:
        """Return one line of the uploaded file."""
        entry = {"custom_id": key, "method": "POST", "url": self.endpoint, "body": self.body(request)}
        return json.dumps(entry, separators=(",", ":")).encode() + b"\n"

    def size(self, key: str, request: Request) -> int:
        """Return the bytes of its line."""
        return len(self.line(key, request))

    async def submit(self, items: Sequence[tuple[str, Request]], tag: str) -> str:
        """Upload the requests and start the batch; the tag goes into its metadata.

        A kill between the two leaves a file that nothing works on and that costs nothing.
        """
        content = b"".join(self.line(key, request) for key, request in items)
        upload = await self.connection.upload(f"{tag}.jsonl", content)
        about = {
            "input_file_id": upload,
            "endpoint": self.endpoint,
            "completion_window": "24h",
            "metadata": {TAG: tag},
        }
        made = await self.connection.post("/batches", about, "id")
        return str(own(made, "input_file_id", upload)["id"])

    async def find(self, tag: str, keys: frozenset[str], not_before: float) -> str | None:
        """Look through the batches, newest first, for our tag."""
        after: dict[str, Any] = {}
        while True:
            page = await self.connection.get("/batches", "object", limit=PAGE, **after)
            for batch in page["data"]:
                if (batch.get("metadata") or {}).get(TAG) == tag:
                    return str(batch["id"])
                if batch["created_at"] < not_before - CLOCKS_DIFFER_SECONDS:
                    return None
            if not page.get("has_more") or not page["data"]:
                return None
            after = {"after": page["data"][-1]["id"]}

    async def status(self, batch: str) -> BatchStatus:
        """Ask how far a batch is; one that expired or was cancelled has ended, with what was done by then."""
        about = await self.about(batch)
        counts = about.get("request_counts") or {}
        done, failed = counts.get("completed") or 0, counts.get("failed") or 0
        if about["status"] == "failed":
            return BatchStatus("failed", done, failed, self.connection.redact(refusal(about)))
        return BatchStatus("working" if about["status"] in WORKING else "ended", done, failed)

    async def about(self, batch: str) -> JSON:
        """Return what the provider knows of a batch, and make sure that it is this one."""
        return own(await self.connection.get(f"/batches/{batch}", "status"), "id", batch)

    async def results(self, batch: str) -> AsyncIterator[BatchResult]:
        """Yield the lines of the output file and of the error file, each request once."""
        about = await self.about(batch)
        answered = (about.get("request_counts") or {}).get("completed") or 0
        for name, expected in ((about.get("output_file_id"), answered), (about.get("error_file_id"), 0)):
            if name:
                async for entry in self.connection.lines(content_of(name), expected):
                    yield self.result(entry["custom_id"], entry)

    def result(self, key: str, entry: JSON) -> BatchResult:
        """Read one line of a result file."""
        response, error = entry.get("response") or {}, entry.get("error") or {}
        status, body = response.get("status_code"), response.get("body")
        if status == 200 and isinstance(body, dict) and body.get(self.required) and body.get("status") != "failed":
            return BatchResult(key, body)
        if error:
            can_heal = error.get("code") in HEALING
        elif status is None or status == 200:
            can_heal = True  # an answer that is none
        else:
            can_heal = not isinstance(classify_status(status, {}, json.dumps(body)), Fatal)
        reason = error or (body.get("error") if isinstance(body, dict) else None) or body or "no answer"
        return BatchResult(key, None, self.connection.redact(f"status {status}: {said(reason)}"), can_heal)

    async def cancel(self, batch: str) -> None:
        """Ask to stop."""
        await self.connection.post(f"/batches/{batch}/cancel", {}, "id")


def content_of(name: str) -> Callable[[Any], Any]:
    """Return what opens the content of a file as a stream."""
    return lambda sdk: sdk.files.with_streaming_response.content(name)


def refusal(about: JSON) -> str:
    """Say why a batch was refused: the first few of the errors listed."""
    listed = (about.get("errors") or {}).get("data") or []
    texts = [
        f"{error.get('code')}: {error.get('message')}" + (f" (line {error['line']})" if error.get("line") else "")
        for error in listed[:5]
    ]
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return "; ".join(texts) + more if texts else "no reason given"


def said(reason: Any) -> str:
    """Return an error of the provider as text."""
    if isinstance(reason, dict) and reason.get("message"):
        return f"{reason.get('code') or reason.get('type') or 'error'}: {reason['message']}"
    return str(reason)[:500]
