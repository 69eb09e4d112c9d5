"""A rate for training without a fixed end: cool down, stay, anneal only for a release."""

from __future__ import annotations

import math

from lessons.errors import ConfigError
from lightning_modules.schedules.base import Schedule, check_shares, warmup

__all__ = ["Infinite"]


class Infinite(Schedule):
    """Warms up, cools down to a constant rate, stays there, and anneals exponentially at the end.

    After "infinite" schedules for continual training (arXiv:2503.02844 unchecked): the cooldown is half a cosine from 1
    to c = `constant`; the anneal is c (floor / c)^d, d rising from 0 to 1 (our reading). A later round goes on from the
    constant phase: give it warmup_share above 0 to re-warm, or 0 to stay.

    Args:
        warmup_share: Share of the updates that warm up, in [0, 1).
        cooldown_share: Share of the rest that cools down to the constant rate.
        constant: Factor of the constant phase, in (0, 1].
        anneal_share: Share of the rest that anneals; 0 for a run that goes on later.
        floor: Factor at the end of the anneal, above 0 and at most `constant`.
    """

    def __init__(
        self,
        warmup_share: float = 0.03,
        cooldown_share: float = 0.2,
        constant: float = 0.3,
        anneal_share: float = 0.1,
        floor: float = 0.01,
    ) -> None:
        self.warmup_share = warmup_share
        self.cooldown_share = cooldown_share
        self.constant = constant
        self.anneal_share = anneal_share
        self.floor = floor

    def factor(self, update: int, updates: int) -> float:
        """Return the factor for a 0-based update.

        >>> [round(Infinite(0.0, 0.25, 0.5, 0.25, 0.125).factor(k, 8), 3) for k in range(8)]
        [1.0, 0.75, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]
        """
        check_shares(self, cooldown_share=self.cooldown_share, anneal_share=self.anneal_share)
        if not 0 < self.floor <= self.constant <= 1:
            raise ConfigError(
                f"Infinite got floor={self.floor:g} and constant={self.constant:g}; allowed is 0 < floor <= constant "
                "<= 1. Correct them."
            )
        rise, done = warmup(update, updates, self.warmup_share)
        if done < self.cooldown_share:
            wave = 0.5 * (1 + math.cos(math.pi * done / self.cooldown_share))
            return rise * (self.constant + (1 - self.constant) * wave)
        start = 1 - self.anneal_share
        depth = (done - start) / self.anneal_share if done > start else 0.0
        return rise * self.constant * math.pow(self.floor / self.constant, depth)
