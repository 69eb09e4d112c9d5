"""A learning rate that stays."""

from __future__ import annotations

from lightning_modules.schedules.base import Schedule, warmup

__all__ = ["Constant"]


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
