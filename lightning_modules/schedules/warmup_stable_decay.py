"""WSD: warm up, stay, decay at the end; WSD-S does so several times in one run."""

from __future__ import annotations

import math
from typing import Literal, get_args

from lessons.errors import ConfigError
from lightning_modules.schedules.base import Schedule, check_shares, warmup

__all__ = ["WarmupStableDecay"]

Shape = Literal["linear", "one_minus_sqrt", "exponential"]


class WarmupStableDecay(Schedule):
    """Warms up, keeps the rate, and decays over the last part of the run (WSD).

    With `releases` above 1 it is WSD-S (Wen et al. 2024, arXiv:2410.05192 unchecked): the run after the warm-up is
    split into equal parts, each decays at its end, and the next goes on from the decayed weights at the full rate: one
    run, several models good to use. Over the decay, with d rising from 0 to 1, the factor is
    floor + (1 - floor) (1 - d) ("linear"), floor + (1 - floor) (1 - sqrt(d)) ("one_minus_sqrt") or floor^d
    ("exponential").

    Args:
        warmup_share: Share of the updates that warm up, in [0, 1).
        decay_share: Share of each part that decays, in [0, 1]; 0.1 to 0.2 is usual.
        floor: Factor at the end of each decay; above 0 for "exponential".
        shape: How it decays.
        releases: Number of equal parts that each end in a decay.
    """

    def __init__(
        self,
        warmup_share: float = 0.03,
        decay_share: float = 0.2,
        floor: float = 0.0,
        shape: Shape = "linear",
        releases: int = 1,
    ) -> None:
        self.warmup_share = warmup_share
        self.decay_share = decay_share
        self.floor = floor
        self.shape = shape
        self.releases = releases

    def factor(self, update: int, updates: int) -> float:
        """Return the factor for a 0-based update.

        >>> [round(WarmupStableDecay(0.0, 0.5).factor(k, 8), 2) for k in range(8)]
        [1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
        """
        check_shares(self, decay_share=self.decay_share)
        if self.shape not in get_args(Shape) or self.releases < 1 or (self.shape == "exponential" and self.floor <= 0):
            raise ConfigError(
                f"WarmupStableDecay got shape={self.shape!r}, floor={self.floor:g}, releases={self.releases}; allowed "
                f"are the shapes {', '.join(get_args(Shape))} (exponential with a floor above 0) and 1 release or "
                "more. Correct them."
            )
        rise, done = warmup(update, updates, self.warmup_share)
        part = math.modf(done * self.releases)[0]
        start = 1 - self.decay_share
        if part <= start:
            return rise
        depth = (part - start) / self.decay_share
        if self.shape == "exponential":
            return rise * math.pow(self.floor, depth)
        left = 1 - depth if self.shape == "linear" else 1 - math.sqrt(depth)
        return rise * (self.floor + (1 - self.floor) * left)
