"""What all callers of one run share: its account, and whether it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from teachers.calls.budget import Account, Budget

__all__ = ["RunState"]


class RunState:
    """One run. Used from one event loop.

    Args:
        budget: What the run may take at most, all its teachers together.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.account = Account(budget or Budget())
        self.stopping = asyncio.Event()
        self.stop_reason: Exception | None = None
        self.when_stopping: list[Callable[[Exception], None]] = []
        """Called with the reason when the run stops."""

    def stop(self, reason: Exception) -> None:
        """Send nothing more; calls under way may finish. The first reason is what callers are told."""
        if self.stop_reason is None:
            self.stop_reason = reason
            self.stopping.set()
            for call in self.when_stopping:
                call(reason)

    def check_running(self) -> None:
        """Raise the reason if the run is stopping."""
        if self.stop_reason is not None:
            raise self.stop_reason.with_traceback(None)  # one object raised by many callers: do not let it grow

    async def sleep(self, seconds: float) -> None:
        """Sleep, but wake up and raise the reason when the run stops."""
        if seconds > 0:
            try:
                await asyncio.wait_for(self.stopping.wait(), seconds)
            except TimeoutError:
                return
        self.check_running()
