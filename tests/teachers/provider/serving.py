"""Run a provider: in a thread of a test, or as a process of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from provider.http_server import Connections
from provider.provider import Provider

__all__ = ["listen", "serving"]

BACKLOG = 1_000


async def listen(provider: Provider, connections: Connections) -> asyncio.Server:
    """Start to listen on a free port of this machine."""
    server = await asyncio.start_server(connections.serve, "127.0.0.1", 0, backlog=BACKLOG)
    provider.port = server.sockets[0].getsockname()[1]
    return server


@contextmanager
def serving(provider: Provider | None = None, **settings: Any) -> Iterator[Provider]:
    """Run a provider in a thread of its own; at the end all its batches are settled and its connections dropped."""
    provider = provider or Provider(**settings)
    connections = Connections(provider.handle)
    loop = asyncio.new_event_loop()
    started, ended = threading.Event(), asyncio.Event()

    async def main() -> None:
        server = await listen(provider, connections)
        started.set()
        await ended.wait()
        server.close()
        connections.abort()
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
        provider.settle()
