"""The batch that is being filled: handed in when it is full, or when nothing was added to it for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from teachers.batch_api import BatchAPI
from teachers.batches.batch_trip import Place
from teachers.batches.batching import Batches

__all__ = ["Filling"]


class Filling:
    """Collects places until a batch of them is sent off. Used from one event loop.

    Args:
        api: The provider's batch interface, with its limits.
        settings: How batches are used.
        send_off: Takes the places of a batch that is complete.
    """

    def __init__(self, api: BatchAPI, settings: Batches, send_off: Callable[[list[Place]], None]) -> None:
        self.api = api
        self.settings = settings
        self.send_off = send_off
        self.collected: list[Place] = []
        self.bytes = 0
        self.changed_at = 0.0
        self.timer: asyncio.TimerHandle | None = None

    def add(self, place: Place, size: int) -> None:
        """Put a place of so many bytes into the batch; into the next one where they would be too many for it."""
        if self.bytes + size > self.api.largest_bytes:
            self.close()
        self.collected.append(place)
        self.bytes += size
        self.changed_at = asyncio.get_running_loop().time()
        if len(self.collected) >= min(self.settings.largest, self.api.largest_batch):
            self.close()
        elif self.timer is None:
            self.wait_for_quiet()

    def wait_for_quiet(self) -> None:
        """Send the batch off once nothing was added to it for a while: then everyone waits for it."""
        self.timer = None
        loop, quiet_at = asyncio.get_running_loop(), self.changed_at + self.settings.quiet_seconds
        if loop.time() >= quiet_at:
            self.close()
        else:
            self.timer = loop.call_at(quiet_at, self.wait_for_quiet)

    def close(self) -> None:
        """Send the batch off, if anything is in it."""
        if self.collected:
            self.send_off(self.empty())

    def empty(self) -> list[Place]:
        """Return what is in the batch, and begin another."""
        taken, self.collected, self.bytes = self.collected, [], 0
        return taken

    def stop(self) -> list[Place]:
        """Wait no more; return what will not be sent off."""
        if self.timer is not None:
            self.timer.cancel()
        return self.empty()
