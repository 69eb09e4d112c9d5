"""REX: a rate that stays high for long and falls fast at the end."""

from __future__ import annotations

from lightning_modules.schedules.base import Schedule, warmup

__all__ = ["REX"]


class REX(Schedule):
    """Warms up linearly, then falls as (1 - u) / (1/2 + (1 - u) / 2), u being the share of the run that is done.

    REX (Chen, Wolfe, Kyrillidis 2021, arXiv:2107.04197): between a linear and a delayed linear decay; above a linear
    one everywhere.

    Args:
        warmup_share: Share of the updates that warm up, in [0, 1).
        floor: Factor at the end of the run.
    """

    def __init__(self, warmup_share: float = 0.0, floor: float = 0.0) -> None:
        self.warmup_share = warmup_share
        self.floor = floor

    def factor(self, update: int, updates: int) -> float:
        """Return the factor for a 0-based update.

        >>> [round(REX().factor(k, 4), 3) for k in range(4)]
        [1.0, 0.857, 0.667, 0.4]
        """
        rise, done = warmup(update, updates, self.warmup_share)
        left = 1 - done
        return rise * (self.floor + (1 - self.floor) * left / (0.5 + 0.5 * left))
