"""An event loop whose clock jumps to the next timer: hours of pacing take milliseconds, and nothing depends on load."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Impatient(selectors.SelectSelector):
    """Does not wait, but lets the clock know how long it would have."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: nothing is ready and no timer is set")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.impatient = Impatient()
        super().__init__(self.impatient)

    def time(self) -> float:
        return self.impatient.now


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a virtual clock. A deadlock raises RuntimeError."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
