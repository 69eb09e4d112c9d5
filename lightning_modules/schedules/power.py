"""A rate that falls as a power of the updates, whatever the length of the run."""

from __future__ import annotations

import math

from lessons.errors import ConfigError
from lightning_modules.schedules.base import Schedule, check_shares, warmup

__all__ = ["Power"]


class Power(Schedule):
    """Warms up, keeps the rate up to update k0, then falls as (k / k0)^b, and decays linearly to 0 at the end.

    After the Power scheduler (Shen et al. 2024, arXiv:2408.13359 unchecked): eta(n) = min(eta_max, beta a n^b) with n
    tokens seen and b about -0.51. The paper's a and beta only decide where the power law takes over, which is
    `from_update` here, because an update always has the same number of lessons: our reading.

    Args:
        warmup_share: Share of the updates that warm up, in [0, 1).
        from_update: k0: the update from which the power law holds, at least 1.
        exponent: b, below 0.
        decay_share: Share of the run that decays linearly to 0 at its end; 0 for none.
    """

    def __init__(
        self, warmup_share: float = 0.03, from_update: int = 100, exponent: float = -0.51, decay_share: float = 0.1
    ) -> None:
        self.warmup_share = warmup_share
        self.from_update = from_update
        self.exponent = exponent
        self.decay_share = decay_share

    def factor(self, update: int, updates: int) -> float:
        """Return the factor for a 0-based update.

        >>> [round(Power(0.0, 2, -0.5, 0.0).factor(k, 9), 3) for k in (0, 1, 7)]
        [1.0, 1.0, 0.5]
        """
        check_shares(self, decay_share=self.decay_share)
        if self.from_update < 1 or self.exponent >= 0:
            raise ConfigError(
                f"Power got from_update={self.from_update} and exponent={self.exponent:g}; allowed are updates from 1 "
                "and exponents below 0. Correct them."
            )
        rise, done = warmup(update, updates, self.warmup_share)
        law = min(1.0, math.pow((update + 1) / self.from_update, self.exponent))
        start = 1 - self.decay_share
        left = (1 - done) / self.decay_share if done > start else 1.0
        return rise * law * left
