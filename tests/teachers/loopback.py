"""A provider on this machine that speaks both wire formats: chat completions and messages.

Answers are a function of the question. Every call is counted by its content; faults are injected by content too.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Fault = Callable[[str, int], str | None]
"""From (the last message, how often it was asked before) to the name of a fault, or None."""


@dataclass
class Loopback:
    """The provider and what it saw."""

    latency_seconds: float = 0.0
    fault: Fault = lambda question, before: None
    answer: Callable[[str], str] | None = None
    retry_after: str | None = "0.2"
    port: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    """Calls answered with a completion, by (format, question, seed, temperature)."""
    received: Counter[str] = field(default_factory=Counter)
    """All calls, by the same."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    billed_tokens: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def openai_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def anthropic_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while head := await read_head(reader):
                path, headers = head
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                if not await self.reply(path, headers, body, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self.writers.discard(writer)
            writer.close()

    async def reply(
        self, path: str, headers: dict[str, str], body: dict[str, Any], writer: asyncio.StreamWriter
    ) -> bool:
        question = body["messages"][-1]["content"]
        key = json.dumps([path, question, body.get("seed"), body.get("temperature")])
        before = self.received[key]
        self.received[key] += 1
        self.bodies.append(body)
        self.headers.append(headers)
        self.times.append(asyncio.get_running_loop().time())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        self.in_flight -= 1
        fault = self.fault(question, before)
        if fault is None or fault in ("truncated", "refused"):
            self.calls[key] += 1
        return await self.write(writer, path, body, question, fault)

    async def write(
        self, writer: asyncio.StreamWriter, path: str, body: dict[str, Any], question: str, fault: str | None
    ) -> bool:
        extra = {}
        if fault is not None and fault.isdigit():
            status, payload = int(fault), json.dumps({"error": {"message": f"fault {fault}", "type": "error"}})
            if status == 401:
                payload = json.dumps({"error": {"message": f"bad key {self.headers[-1]}", "type": "error"}})
            if status in (429, 529) and self.retry_after is not None:
                extra["retry-after"] = self.retry_after
        elif fault == "malformed":
            status, payload = 200, '{"choices": [{"mess'
        elif fault == "empty":
            status, payload = 200, json.dumps({"error": {"message": "upstream had nothing to say"}})
        elif fault == "quota":
            status, payload = 429, json.dumps({"error": {"message": "no money", "code": "insufficient_quota"}})
        else:
            status, payload = 200, self.completion(path, body, question, fault)
        data = payload.encode()
        lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in extra.items()]
        message = "\r\n".join(lines).encode() + b"\r\n\r\n" + data
        if fault == "dropped":
            writer.write(message[: len(message) - len(data) // 2])
            await writer.drain()
            writer.transport.abort()
            return False
        writer.write(message)
        await writer.drain()
        return True

    def completion(self, path: str, body: dict[str, Any], question: str, fault: str | None) -> str:
        text = (self.answer or arithmetic)(question)
        tokens_in, tokens_out = len(question.split()), len(text.split())
        self.billed_tokens += tokens_in + tokens_out
        if path.endswith("/chat/completions"):
            reason = {"truncated": "length", "refused": "content_filter"}.get(fault or "", "stop")
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
            usage = {
                "prompt_tokens": tokens_in,
                "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
            }
            whole = {"id": "c", "object": "chat.completion", "created": 0, "choices": [choice], "usage": usage}
        else:
            reason = {"truncated": "max_tokens", "refused": "refusal"}.get(fault or "", "end_turn")
            content = [{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": text}]
            whole = {"id": "m", "type": "message", "role": "assistant", "content": content, "stop_reason": reason}
            whole |= {"stop_sequence": None, "usage": {"input_tokens": tokens_in, "output_tokens": tokens_out}}
        return json.dumps({**whole, "model": body["model"]})


def arithmetic(question: str) -> str:
    """Solve the first sum of a question; difficulty labels and verdicts where the question asks for them."""
    found = re.search(r"(\d+) ?\+ ?(\d+)", question)
    a, b = (int(found[1]), int(found[2])) if found else (0, 0)
    if "Difficulty: N" in question:
        return f"Just a sum.\nDifficulty: {min(10, len(str(a + b)))}"
    if "Verdict:" in question:
        return f"I checked it.\nVerdict: {'correct' if f'Answer: {a + b}' in question else 'incorrect'}"
    return f"{a} plus {b} makes {a + b}\nAnswer: {a + b}"


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *rest = head.strip().split("\r\n")
    return first.split()[1], {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in rest)}


@contextmanager
def loopback(**settings: Any) -> Iterator[Loopback]:
    """Run a provider in a thread of its own, on a free port."""
    provider = Loopback(**settings)
    loop = asyncio.new_event_loop()
    started = threading.Event()
    ended = asyncio.Event()

    async def main() -> None:
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
        provider.port = server.sockets[0].getsockname()[1]
        started.set()
        await ended.wait()
        server.close()
        for writer in list(provider.writers):
            writer.transport.abort()
        await asyncio.sleep(0.01)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def run() -> None:
        loop.run_until_complete(main())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield provider
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


if __name__ == "__main__":  # python tests/teachers/loopback.py LATENCY_SECONDS: prints its port and serves until killed
    import sys

    async def serve_forever() -> None:
        provider = Loopback(latency_seconds=float(sys.argv[1]))
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, backlog=1_000)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(serve_forever())
