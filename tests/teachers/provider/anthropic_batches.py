"""Anthropic's message batches."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provider.anthropic_wire import error
from provider.batch_room import BatchRoom
from provider.batch_work import Batch, Line, Outcome
from provider.http_server import Call, Reply

__all__ = ["AnthropicBatches"]

LARGEST_BATCH = 100_000
LARGEST_BYTES = 256_000_000
DAY = 86_400
START = "msgbatch_"


@dataclass
class AnthropicBatches:
    """Answers the requests about message batches."""

    room: BatchRoom
    results_late_seconds: float = 0.0
    """So long after their end the results are still not found."""
    known_late_seconds: float = 0.0
    """So long after it was handed in a batch is not found."""
    address: str = ""
    """As the client knows it: the SDK fetches results from the address it is told."""

    def route(self, call: Call) -> Reply | None:
        """Answer a request, or return None if it is of no such thing."""
        self.address = f"http://{call.headers['host']}"
        match call.method, call.path.removeprefix("/v1/messages/").split("/"):
            case "POST", ["batches"]:
                return self.submit(call)
            case "GET", ["batches"]:
                return self.listing(call)
            case "GET", ["batches", name]:
                return self.batch(name)
            case "POST", ["batches", name, "cancel"]:
                return self.cancel(name)
            case "GET", ["batches", name, "results"]:
                return self.results(name)
        return None

    def submit(self, call: Call) -> Reply:
        requests = call.json().get("requests") or []
        names = [entry.get("custom_id", "") for entry in requests]
        if not requests or len(requests) > LARGEST_BATCH or len(call.body) > LARGEST_BYTES:
            return Reply.of(400 if not requests else 413, error(400, "requests: wrong number or size"))
        if len(set(names)) < len(names) or not all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names):
            return Reply.of(400, error(400, "requests: custom_id must be unique and match ^[a-zA-Z0-9_-]{1,64}$"))
        lines = [Line(entry["custom_id"], "/v1/messages", entry["params"]) for entry in requests]
        return Reply.of(200, self.about(self.room.open(START, lines, None, {})))

    def find(self, name: str) -> Batch | None:
        batch = self.room.find(START, name)
        if batch is None or self.room.clock.now() < batch.created + self.known_late_seconds:
            return None
        return batch

    def batch(self, name: str) -> Reply:
        batch = self.find(name)
        return not_found(name) if batch is None else Reply.of(200, self.about(batch))

    def listing(self, call: Call) -> Reply:
        found = [self.about(batch) for batch in self.room.newest_first(START)]
        names = [about["id"] for about in found]
        start = names.index(call.query["after_id"]) + 1 if "after_id" in call.query else 0
        limit = int(call.query.get("limit", 20))
        page = found[start : start + limit]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
        return Reply.of(200, {"data": page, "has_more": start + limit < len(found), **ends})

    def cancel(self, name: str) -> Reply:
        batch = self.find(name)
        if batch is None:
            return not_found(name)
        if batch.has_ended(self.room.clock.now()):
            return Reply.of(400, error(400, "The batch has ended and cannot be canceled."))
        self.room.cancel(batch)
        return Reply.of(200, self.about(batch))

    def results(self, name: str) -> Reply:
        batch = self.find(name)
        now = self.room.clock.now()
        self.room.settle()
        if batch is None or batch.outcomes is None or now < batch.ended_at() + self.results_late_seconds:
            return not_found(name)
        text = "".join(line_of(outcome) for outcome in batch.outcomes if outcome.kind != "missing")
        return Reply(200, text.encode(), content_type="application/x-jsonl")

    def about(self, batch: Batch) -> dict[str, Any]:
        """Return a batch as the provider shows it: nothing is counted until all of it has ended."""
        now = self.room.clock.now()
        self.room.settle()
        ended = batch.outcomes is not None
        kinds = ("succeeded", "canceled", "expired")
        counts = {kind: batch.count(kind) for kind in kinds} | {"errored": batch.count("errored", "invalid")}
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": {"processing": 0 if ended else len(batch.lines), **counts},
            "created_at": rfc3339(batch.created_wall),
            "expires_at": rfc3339(batch.created_wall + DAY),
            "ended_at": rfc3339(batch.ended_wall()) if batch.has_ended(now) else None,
            "archived_at": None,
            "cancel_initiated_at": None if batch.cancelled is None else rfc3339(batch.created_wall),
            "results_url": f"{self.address}/v1/messages/batches/{batch.id}/results" if ended else None,
        }


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def not_found(name: str) -> Reply:
    return Reply.of(404, error(404, f"Batch {name} not found."))


def line_of(outcome: Outcome) -> str:
    """Return one line of the results."""
    match outcome.kind:
        case "succeeded":
            result: dict[str, Any] = {"type": "succeeded", "message": outcome.reply}
        case "errored" | "invalid":
            result = {"type": "errored", "error": error(500 if outcome.kind == "errored" else 400, outcome.message)}
        case _:
            result = {"type": outcome.kind}
    return json.dumps({"custom_id": outcome.custom_id, "result": result}) + "\n"
