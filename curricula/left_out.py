"""The record of a selection: who left out which lesson, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions

__all__ = ["LeftOut"]


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Which lessons of a set are not in the plan, and why."""

    reason: npt.NDArray[np.int32]
    """Index into `reasons`, -1 for a lesson that was kept, int32 [lessons]."""
    reasons: tuple[tuple[int, str], ...]
    """Each reason: the number of the selector, and what it says."""
    twin: Positions
    """For a lesson left out because of another one: that lesson's position, else -1; int64 [lessons]."""
    selectors: tuple[dict[str, Any], ...]
    """The selectors in order, as descriptions (class_path, init_args)."""

    @property
    def kept(self) -> Positions:
        """Positions of the lessons that were kept, rising, int64 [kept]."""
        return np.flatnonzero(self.reason < 0)

    def count_by(self, selector: int) -> int:
        """Return how many lessons one selector left out."""
        counts = np.bincount(self.reason[self.reason >= 0], minlength=len(self.reasons))
        return int(sum(counts[k] for k, (number, _) in enumerate(self.reasons) if number == selector))
