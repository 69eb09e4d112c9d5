"""How well one half of the tries at each question foretells the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curricula.arrays import Scores
from curricula.ranks import rank_correlation
from curricula.signals.tried import Tried
from lessons.errors import DataError

__all__ = ["SplitHalf", "split_half"]


class SplitHalf(NamedTuple):
    """How well one half of the tries foretells the other."""

    correlation: float
    """Rank correlation r of the two halves' pass rates over the lessons; NaN where it is not defined."""
    reliability: float
    """What that says of all tries together: 2 r / (1 + r), by Spearman and Brown (1910); 0 where r is below 0."""
    lessons: int
    """Lessons with at least two tries."""


def split_half(found: Tried, seed: int = 0) -> SplitHalf:
    """Cut each lesson's tries into two random halves and compare their pass rates.

    An odd try goes to the second half. A pass rate of four tries, say, has five levels and often little reliability:
    then order by tiers, or ask more often.

    Args:
        found: The graded tries (`curricula.signals.tried.tried`).
        seed: Seed of the cut.

    Raises:
        DataError: No lesson has two tries.
    """
    order = np.lexsort((np.random.default_rng(seed).random(len(found.lesson)), found.lesson))
    lesson, correct = found.lesson[order], found.correct[order]
    counts = np.bincount(lesson, minlength=found.lessons)
    if counts.max(initial=0) < 2:
        raise DataError(
            f"None of the {found.lessons} lessons has two tries, so there are no halves to compare; the most has "
            f"{counts.max(initial=0)}. Evaluate with more samples a question."
        )
    number = np.arange(len(lesson)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = number < counts[lesson] // 2
    rates = [half_rates(lesson[half], correct[half], found.lessons) for half in (first, ~first)]
    both = counts >= 2
    correlation = rank_correlation(rates[0][both], rates[1][both])
    whole = 2 * correlation / (1 + correlation) if correlation > 0 else 0.0 * correlation
    return SplitHalf(correlation, whole, int(both.sum()))


def half_rates(lesson: npt.NDArray[np.int64], correct: npt.NDArray[np.bool_], lessons: int) -> Scores:
    """Return the pass rate of each lesson's tries, NaN without any, float64 [lessons]."""
    counts = np.bincount(lesson, minlength=lessons).astype(np.float64)
    counts[counts == 0] = np.nan
    rates: Scores = np.bincount(lesson, correct, lessons) / counts
    return rates
