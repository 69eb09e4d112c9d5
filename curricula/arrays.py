"""The two kinds of columns that a plan is made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Positions", "Scores"]

Positions = npt.NDArray[np.int64]
"""Places of lessons in a pool or in a lesson set, or numbers of groups; -1 where there is none."""

Scores = npt.NDArray[np.float64]
"""One number a lesson (or a group); NaN where there is none."""
