"""Updates that grow: few lessons at first, the full number later."""

from __future__ import annotations

import math

import numpy as np

from curricula.arrays import Positions
from lessons.errors import ConfigError

__all__ = ["BatchRamp"]


class BatchRamp:
    """Lets the number of lessons an update grow in a straight line.

    Update k has round(first + (full - first) * k / over_updates) lessons up to update `over_updates`, and the full
    number from then on. Small updates early make more of them from the same lessons, while gradients still agree.

    Args:
        first: Lessons of the first update, from 1 to the full number.
        over_updates: Updates until the full number is reached, at least 1.
    """

    def __init__(self, first: int, over_updates: int) -> None:
        self.first = first
        self.over_updates = over_updates

    def bounds(self, entries: int, full: int) -> Positions:
        """Return where each update begins in a plan of so many entries, and its end, int64 [updates + 1].

        >>> BatchRamp(2, 2).bounds(16, 6).tolist()
        [0, 2, 6, 12, 16]

        Raises:
            ConfigError: The numbers are outside their range.
        """
        if not 1 <= self.first <= full or self.over_updates < 1:
            raise ConfigError(
                f"BatchRamp got first={self.first} and over_updates={self.over_updates} with {full} lessons an update; "
                f"allowed are 1 to {full} lessons and 1 update or more. Correct data.ramp."
            )
        sizes = [
            math.floor(self.first + (full - self.first) * k / self.over_updates + 0.5) for k in range(self.over_updates)
        ]
        rest = max(0, entries - sum(sizes))
        sizes += [full] * -(-rest // full)
        ends = np.cumsum([0, *sizes])
        return np.append(ends[ends < entries], entries)
