"""OpenAI's files and batches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from provider.batch_room import BatchRoom
from provider.batch_work import Batch, Line, Outcome
from provider.desk import FORMATS
from provider.http_server import Call, Reply
from provider.openai_wire import error

__all__ = ["OpenAIBatches"]

LARGEST_BATCH = 50_000
LARGEST_BYTES = 200_000_000
DAY = 86_400


@dataclass
class OpenAIBatches:
    """Answers the requests about files and batches."""

    room: BatchRoom
    files: dict[str, tuple[dict[str, Any], bytes]] = field(default_factory=dict)

    def route(self, call: Call) -> Reply | None:
        """Answer a request, or return None if it is of no such thing."""
        parts = call.path.removeprefix("/v1/").split("/")
        match call.method, parts:
            case "POST", ["files"]:
                return self.upload(call)
            case "GET", ["files"]:
                return Reply.of(200, {"object": "list", "data": [about for about, _ in self.files.values()]})
            case "GET", ["files", name]:
                return self.file(name)
            case "DELETE", ["files", name]:
                gone = self.files.pop(name, None) is not None
                return Reply.of(200 if gone else 404, {"id": name, "object": "file", "deleted": gone})
            case "GET", ["files", name, "content"]:
                return self.file(name, content=True)
            case "POST", ["batches"]:
                return self.submit(call)
            case "GET", ["batches"]:
                return self.listing(call)
            case "GET", ["batches", name]:
                return self.batch(name)
            case "POST", ["batches", name, "cancel"]:
                return self.cancel(name)
        return None

    def store(self, content: bytes, purpose: str, filename: str) -> str:
        name = f"file-{len(self.files) + 1}-{self.room.next_number()}"
        about = {"id": name, "object": "file", "bytes": len(content), "created_at": int(self.room.clock.wall())}
        self.files[name] = (about | {"filename": filename, "purpose": purpose, "status": "processed"}, content)
        return name

    def upload(self, call: Call) -> Reply:
        fields = dict(multipart(call))
        content, filename = fields.get("file", (b"", ""))
        purpose = fields.get("purpose", (b"", ""))[0].decode()
        if not content or purpose not in ("batch", "fine-tune", "user_data"):
            return Reply.of(400, error(400, "'file' and 'purpose' are required"))
        if len(content) > LARGEST_BYTES:
            return Reply.of(413, error(413, "The file is too large."))
        return Reply.of(200, self.files[self.store(content, purpose, filename)][0])

    def file(self, name: str, content: bool = False) -> Reply:
        if name not in self.files:
            return Reply.of(404, error(404, f"No such File object: {name}"))
        about, data = self.files[name]
        if content:
            return Reply(200, data, content_type="application/octet-stream")
        return Reply.of(200, about)

    def submit(self, call: Call) -> Reply:
        body = call.json()
        name, endpoint = body.get("input_file_id"), body.get("endpoint")
        if name not in self.files or endpoint not in FORMATS or body.get("completion_window") != "24h":
            return Reply.of(400, error(400, "input_file_id, endpoint or completion_window is wrong"))
        metadata = body.get("metadata") or {}
        if len(metadata) > 16 or any(len(k) > 64 or len(str(v)) > 512 for k, v in metadata.items()):
            return Reply.of(400, error(400, "metadata: at most 16 pairs, keys up to 64, values up to 512 characters"))
        lines, problem = read_lines(self.files[name][1], endpoint)
        details = {"input_file_id": name, "endpoint": endpoint, "metadata": body.get("metadata")}
        batch = self.room.open("batch_", lines, problem, details)
        return Reply.of(200, self.about(batch))

    def batch(self, name: str) -> Reply:
        batch = self.room.find("batch_", name)
        if batch is None:
            return Reply.of(404, error(404, f"No batch found with id '{name}'."))
        return Reply.of(200, self.about(batch))

    def listing(self, call: Call) -> Reply:
        found = [self.about(batch) for batch in self.room.newest_first("batch_")]
        names = [about["id"] for about in found]
        start = names.index(call.query["after"]) + 1 if "after" in call.query else 0
        limit = int(call.query.get("limit", 20))
        page = found[start : start + limit]
        more = start + limit < len(found)
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
        return Reply.of(200, {"object": "list", "data": page, "has_more": more, **ends})

    def cancel(self, name: str) -> Reply:
        batch = self.room.find("batch_", name)
        if batch is None:
            return Reply.of(404, error(404, f"No batch found with id '{name}'."))
        if batch.has_ended(self.room.clock.now()):
            return Reply.of(409, error(409, "Cannot cancel a batch that has ended."))
        self.room.cancel(batch)
        return Reply.of(200, self.about(batch))

    def about(self, batch: Batch) -> dict[str, Any]:
        """Return a batch as the provider shows it."""
        now = self.room.clock.now()
        self.room.settle()
        status = self.status(batch, now)
        done = batch.count("succeeded") if batch.outcomes is not None else int(batch.share(now) * len(batch.lines))
        failed = batch.count("errored", "invalid", "expired")
        ended = int(batch.ended_wall()) if batch.has_ended(now) else None
        moments = {f"{name}_at": ended if status == name else None for name in ("completed", "expired", "cancelled")}
        return {
            "id": batch.id,
            "object": "batch",
            **batch.details,
            **self.result_files(batch),
            **moments,
            "completion_window": "24h",
            "status": status,
            "errors": errors_of(batch),
            "created_at": int(batch.created_wall),
            "expires_at": int(batch.created_wall) + DAY,
            "failed_at": int(batch.created_wall) if batch.refused else None,
            "request_counts": {"total": len(batch.lines), "completed": done, "failed": failed},
        }

    def status(self, batch: Batch, now: float) -> str:
        if batch.refused:
            return "failed"
        if batch.cancelled is not None:
            return "cancelled"
        share = batch.share(now)
        if share >= 1:
            return "expired" if batch.fate == "expired" else "completed"
        return "validating" if share < 0.1 else "in_progress" if share < 0.95 else "finalizing"

    def result_files(self, batch: Batch) -> dict[str, str | None]:
        """Return the names of the files with answers and with errors, written once the batch has ended."""
        names: dict[str, str | None] = {"output_file_id": None, "error_file_id": None}
        if batch.outcomes is None:
            return names
        if batch.files is None:
            answers = [line_of(outcome) for outcome in batch.outcomes if outcome.kind == "succeeded"]
            errors = [line_of(o) for o in batch.outcomes if o.kind in ("errored", "invalid", "expired", "canceled")]
            for name, lines in (("output_file_id", answers), ("error_file_id", errors)):
                if lines:
                    names[name] = self.store("".join(lines).encode(), "batch_output", f"{batch.id}_{name}.jsonl")
            batch.files = names
        return batch.files


def errors_of(batch: Batch) -> dict[str, Any] | None:
    if not batch.refused:
        return None
    message = batch.problem or "The batch could not be validated."
    return {"object": "list", "data": [{"code": "invalid_batch", "message": message, "param": None, "line": None}]}


def line_of(outcome: Outcome) -> str:
    """Return one line of a result file."""
    line: dict[str, Any] = {"id": f"batch_req_{outcome.custom_id}", "custom_id": outcome.custom_id, "error": None}
    match outcome.kind:
        case "succeeded":
            line["response"] = {"status_code": 200, "request_id": "req", "body": outcome.reply}
        case "errored" | "invalid":
            status = 500 if outcome.kind == "errored" else 400
            line["response"] = {"status_code": status, "request_id": "req", "body": error(status, outcome.message)}
        case _:
            code = {"expired": "batch_expired", "canceled": "batch_cancelled"}[outcome.kind]
            line["response"] = None
            line["error"] = {"code": code, "message": f"This request could not be executed: {code}."}
    return json.dumps(line) + "\n"


def read_lines(content: bytes, endpoint: str) -> tuple[list[Line], str | None]:
    """Read an uploaded file; also return why the provider refuses it, if it does."""
    lines, seen = [], set()
    for number, row in enumerate(content.decode().splitlines(), 1):
        try:
            entry = json.loads(row)
            line = Line(entry["custom_id"], entry["url"], entry["body"])
        except (ValueError, KeyError) as problem:
            return [], f"Line {number} is not a request: {problem!r}"
        if line.path != endpoint or entry["method"] != "POST":
            return [], f"Line {number}: the url does not match the endpoint."
        if line.custom_id in seen:
            return [], f"Line {number}: the custom_id is a duplicate."
        seen.add(line.custom_id)
        lines.append(line)
    if len({line.body.get("model") for line in lines}) > 1:
        return [], "All requests of a batch must name one model."
    return lines, "The batch has too many requests." if len(lines) > LARGEST_BATCH else None


def multipart(call: Call) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """Yield the fields of a form: name, (content, file name)."""
    found = re.search(r'boundary="?([^";]+)', call.headers.get("content-type", ""))
    if found is None:
        return
    for part in call.body.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        names = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
        yield names.get("name", ""), (content.removesuffix(b"\r\n"), names.get("filename", ""))
