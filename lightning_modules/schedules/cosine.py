"""A learning rate that falls along half a cosine."""

from __future__ import annotations

import math

from lightning_modules.schedules.base import Schedule, warmup

__all__ = ["Cosine"]


class Cosine(Schedule):
    """Warms up linearly, then falls along half a cosine to `floor`.

    Args:
        warmup_share: Share of the updates that warm up, in [0, 1).
        floor: Factor at the end of the run.
    """

    def __init__(self, warmup_share: float = 0.03, floor: float = 0.0) -> None:
        self.warmup_share = warmup_share
        self.floor = floor

    def factor(self, update: int, updates: int) -> float:
        """Return the factor for a 0-based update.

        >>> [round(Cosine(0.0).factor(k, 4), 3) for k in range(4)]
        [1.0, 0.854, 0.5, 0.146]
        """
        rise, done = warmup(update, updates, self.warmup_share)
        return rise * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * done)))
