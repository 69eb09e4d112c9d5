"""Just enough of HTTP/1.1 on asyncio streams, with every way to break a reply on its way."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Call", "Connections", "Reply"]

Delivery = Literal["whole", "nothing", "half", "slowly", "twice"]
PIECES, PIECE_SECONDS = 8, 0.01


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Reply:
    """One HTTP response and how it is delivered."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = "whole"
    content_type: str = "application/json"

    @classmethod
    def of(cls, status: int, value: Any, headers: dict[str, str] | None = None) -> Reply:
        return cls(status, json.dumps(value).encode(), headers or {})

    def encoded(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Status", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in {"content-type": self.content_type, **self.headers}.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class Connections:
    """Serves any number of connections with one handler."""

    def __init__(self, handle: Callable[[Call], Awaitable[Reply]]) -> None:
        self.handle = handle
        self.writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while (call := await read_call(reader)) is not None:
                reply = await self.handle(call)
                if not await deliver(reply, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client went away
        finally:
            self.writers.discard(writer)
            writer.close()

    def abort(self) -> None:
        """Drop every connection."""
        for writer in list(self.writers):
            writer.transport.abort()


async def deliver(reply: Reply, writer: asyncio.StreamWriter) -> bool:
    """Send a reply; return whether the connection lives on."""
    message = reply.encoded()
    if reply.delivery in ("nothing", "half"):
        if reply.delivery == "half":
            writer.write(message[: len(message) - len(reply.body) // 2])
            await writer.drain()
            await asyncio.sleep(0.001)  # the half gets out before the reset
        reset(writer)
        return False
    if reply.delivery == "slowly":
        size = len(message) // PIECES + 1
        for start in range(0, len(message), size):
            writer.write(message[start : start + size])
            await writer.drain()
            await asyncio.sleep(PIECE_SECONDS)
        return True
    writer.write(message * (2 if reply.delivery == "twice" else 1))
    await writer.drain()
    return True


def reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection the hard way: the other side gets a reset, not an orderly end."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def read_call(reader: asyncio.StreamReader) -> Call | None:
    """Read one request; None at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *rest = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in rest)}
    parts = urlsplit(target)
    body = await read_body(reader, headers)
    return Call(method, parts.path, dict(parse_qsl(parts.query)), headers, body)


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
