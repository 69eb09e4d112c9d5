"""Competence that grows like a root."""

from __future__ import annotations

import math

from curricula.pacing.base import Pacing, check_share
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["RootPacing"]


class RootPacing(Pacing):
    """Opens fast at first and slower later: competence-based pacing (Platanios et al. 2019, arXiv:1903.09848).

    c(t) = min(1, (t (1 - c0^p) / T + c0^p)^(1/p)); p = 1 is linear, p = 2 the square root. After T, a share of the
    run, everything is open.

    Args:
        initial_share: c0: share of the lessons open at the start, in [0, 1].
        power: p: the root, above 0.
        full_at: T: share of the run after which all lessons are open, in (0, 1].
    """

    def __init__(self, initial_share: float = 0.01, power: float = 2.0, full_at: float = 0.5) -> None:
        self.initial_share = initial_share
        self.power = power
        self.full_at = full_at

    def share(self, progress: float, state: State) -> float:
        """Return the share open.

        >>> [round(RootPacing(0.1, 2, 1.0).share(t / 4, {}), 3) for t in range(5)]
        [0.1, 0.507, 0.711, 0.867, 1.0]
        """
        check_share(self, "initial_share", self.initial_share)
        if not (math.isfinite(self.power) and self.power > 0 and 0 < self.full_at <= 1):
            raise ConfigError(
                f"RootPacing got power={self.power} and full_at={self.full_at}; the power must be above 0, full_at "
                "above 0 and at most 1. Correct them."
            )
        base = self.initial_share**self.power
        return float(min(1.0, (min(1.0, progress / self.full_at) * (1 - base) + base) ** (1 / self.power)))
