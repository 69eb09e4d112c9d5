"""The provider's clocks: one that only runs forward, and the one on its wall, which may jump."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate

__all__ = ["Clock"]

wall_now = time.time  # bound here: a test that moves the client's wall clock does not move the provider's


@dataclass
class Clock:
    """Both clocks.

    `jumps` are pairs (seconds since the start, seconds by which the wall clock is set forward, or back if negative).
    """

    jumps: tuple[tuple[float, float], ...] = ()
    started: float = field(default_factory=time.monotonic)
    epoch: float = field(default_factory=lambda: wall_now())

    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def wall(self, later_seconds: float = 0.0) -> float:
        """What the wall clock shows, in seconds since 1970, or will show if it does not jump until then."""
        now = self.now()
        return self.epoch + now + later_seconds + sum(by for at, by in self.jumps if at <= now)

    def http_date(self) -> str:
        return formatdate(self.wall(), usegmt=True)

    def rfc3339(self, later_seconds: float = 0.0) -> str:
        return (
            datetime.fromtimestamp(self.wall(later_seconds), UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        )
