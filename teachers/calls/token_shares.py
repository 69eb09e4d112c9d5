"""How many tokens a call likely takes, as a share of the most it may take, learnt from the replies."""

from __future__ import annotations

import math

__all__ = ["TokenShare"]

FORGET = 0.02  # weight of the latest reply
MARGIN = 2.0  # standard deviations above the mean: an estimate that is corrected later had better be high


class TokenShare:
    """A running mean and spread of (tokens taken) / (most tokens possible)."""

    def __init__(self) -> None:
        self.mean = 1.0
        self.variance = 0.0
        self.seen = 0

    def learn(self, taken: float, most: float) -> None:
        """Take note of one call."""
        if most <= 0:
            return
        share = taken / most
        self.seen += 1
        if self.seen == 1:
            self.mean = share
            self.variance = share * share / 4  # one reply says little
            return
        weight = max(FORGET, 1.0 / self.seen)
        difference = share - self.mean
        self.mean += weight * difference
        self.variance = (1.0 - weight) * (self.variance + weight * difference * difference)

    def likely(self, most: float) -> float:
        """Return the tokens to set aside for a call that may take `most`; all of them before anything is known."""
        if not self.seen:
            return most
        return min(most, most * (self.mean + MARGIN * math.sqrt(self.variance)))
