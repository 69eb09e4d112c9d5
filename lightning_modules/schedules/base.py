"""What every schedule is: a factor on the learning rate, as a pure function of the update."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from lessons.errors import ConfigError

__all__ = ["Schedule", "check_shares", "warmup"]


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


def check_shares(schedule: Schedule, **shares: float) -> None:
    """Refuse shares of the run outside [0, 1], or that add up to more than the run.

    Raises:
        ConfigError: They do.
    """
    if any(not 0 <= share <= 1 for share in shares.values()) or sum(shares.values()) > 1:
        given = ", ".join(f"{name}={share:g}" for name, share in shares.items())
        raise ConfigError(
            f"{type(schedule).__name__} got {given}; each must be a share of the run from 0 to 1, and together they "
            "may not exceed 1. Correct them."
        )
