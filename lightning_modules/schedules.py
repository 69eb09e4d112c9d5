"""Learning-rate schedules: pure functions of the update, told the length of the run by the module."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from lessons.errors import ConfigError

__all__ = ["Constant", "Cosine", "Linear", "Schedule"]


class Schedule(ABC):
    """Scales the optimiser's learning rate from update to update."""

    @abstractmethod
    def factor(self, update: int, updates: int) -> float:
        """Return the factor for a 0-based update of a run with `updates` of them."""


def warmup(update: int, updates: int, share: float) -> tuple[float, float]:
    """Return the factor of a linear warm-up, and how far the rest of the run has come, in [0, 1].

    The first update already has a factor above 0: an update with a learning rate of 0 would be wasted.
    """
    if not 0 <= share < 1:
        raise ConfigError(
            f"A warm-up of {share} of the run is impossible. Allowed is a share of at least 0 and below 1. "
            "Correct `warmup_share`."
        )
    steps = math.ceil(share * updates)
    if update < steps:
        return (update + 1) / (steps + 1), 0.0
    return 1.0, min(1.0, (update - steps) / max(1, updates - steps))


class Constant(Schedule):
    """Warms up linearly, then keeps the learning rate.

    Args:
        warmup_share: Share of the updates that warm up, in [0, 1).
    """

    def __init__(self, warmup_share: float = 0.0) -> None:
        self.warmup_share = warmup_share

    def factor(self, update: int, updates: int) -> float:
        """Return the factor for a 0-based update.

        >>> [round(Constant(0.5).factor(k, 4), 2) for k in range(4)]
        [0.33, 0.67, 1.0, 1.0]
        """
        return warmup(update, updates, self.warmup_share)[0]


class Linear(Schedule):
    """Warms up linearly, then falls linearly to `floor`.

    Args:
        warmup_share: Share of the updates that warm up, in [0, 1).
        floor: Factor at the end of the run.
    """

    def __init__(self, warmup_share: float = 0.03, floor: float = 0.0) -> None:
        self.warmup_share = warmup_share
        self.floor = floor

    def factor(self, update: int, updates: int) -> float:
        """Return the factor for a 0-based update.

        >>> [Linear(0.0).factor(k, 4) for k in range(4)]
        [1.0, 0.75, 0.5, 0.25]
        """
        rise, done = warmup(update, updates, self.warmup_share)
        return rise * (self.floor + (1 - self.floor) * (1 - done))


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
