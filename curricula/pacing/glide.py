"""Dials that move smoothly from one position to another, once or to and fro."""

from __future__ import annotations

import math
from typing import Literal

from curricula.pacing.base import Pacing, check_share
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["Glide", "Swing"]


class Glide(Pacing):
    """Moves a dial from one position to another between two moments; before and after it stands still.

    With x going from 0 to 1 between the moments, the way covered is x (linear), log(1 + 9 x) / log 10 (logarithmic:
    fast at first), (10^x - 1) / 9 (exponential: slow at first) or (1 - cos(pi x)) / 2 (cosine); geometric multiplies:
    initial * (final / initial)^x.

    Args:
        initial: Position before, in [0, 1].
        final: Position after, in [0, 1]; may lie below the initial one.
        begin: When the movement begins, as a share of the run.
        end: When it ends.
        curve: linear, logarithmic, exponential, cosine or geometric.
    """

    def __init__(
        self,
        initial: float = 0.0,
        final: float = 1.0,
        begin: float = 0.0,
        end: float = 1.0,
        curve: Literal["linear", "logarithmic", "exponential", "cosine", "geometric"] = "linear",
    ) -> None:
        self.initial = initial
        self.final = final
        self.begin = begin
        self.end = end
        self.curve = curve

    def share(self, progress: float, state: State) -> float:
        """Return the position.

        >>> [Glide(0.25, 1.0, end=0.5).share(t / 4, {}) for t in range(4)]
        [0.25, 0.625, 1.0, 1.0]
        """
        check_share(self, "initial", self.initial)
        check_share(self, "final", self.final)
        if not 0 <= self.begin < self.end <= 1:
            raise ConfigError(
                f"Glide got begin={self.begin} and end={self.end}; allowed is 0 <= begin < end <= 1. Correct them."
            )
        x = min(1.0, max(0.0, (progress - self.begin) / (self.end - self.begin)))
        if self.curve == "geometric":
            if not self.initial * self.final > 0:
                raise ConfigError(
                    f"Glide got initial={self.initial} and final={self.final}; a geometric curve needs both above 0. "
                    "Correct them, or take another curve."
                )
            return float(self.initial * (self.final / self.initial) ** x)
        ways = {
            "linear": x,
            "logarithmic": math.log1p(9 * x) / math.log(10),
            "exponential": (10**x - 1) / 9,
            "cosine": (1 - math.cos(math.pi * x)) / 2,
        }
        if self.curve not in ways:
            raise ConfigError(
                f"Glide got curve={self.curve!r}; allowed are {', '.join(ways)} and geometric. Correct `curve`."
            )
        return self.initial + (self.final - self.initial) * ways[self.curve]


class Swing(Pacing):
    """Moves a dial up and down again, in straight lines, so many times in the run; every cycle is a stage.

    Args:
        low: Lowest position, where it starts, in [0, 1].
        high: Highest position, in [0, 1].
        cycles: Number of ups and downs in the run, at least 1.
        drop: Jump back from the top to the bottom, in place of going down (a saw).
    """

    def __init__(self, low: float = 0.25, high: float = 1.0, cycles: int = 2, drop: bool = False) -> None:
        self.low = low
        self.high = high
        self.cycles = cycles
        self.drop = drop

    def share(self, progress: float, state: State) -> float:
        """Return the position.

        >>> [Swing(0.0, 1.0, 1).share(t / 4, {}) for t in range(4)]
        [0.0, 0.5, 1.0, 0.5]
        """
        check_share(self, "low", self.low)
        check_share(self, "high", self.high, self.low)
        x = progress * self.cycles - self.stage(progress, state)
        return self.low + (self.high - self.low) * (x if self.drop else 1 - abs(1 - 2 * x))

    def stage(self, progress: float, state: State) -> int:
        """Return the number of the cycle."""
        if self.cycles < 1:
            raise ConfigError(f"Swing got cycles={self.cycles}; at least 1 is needed. Correct `cycles`.")
        return int(progress * self.cycles)
