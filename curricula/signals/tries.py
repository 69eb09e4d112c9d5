"""What several tries at a question show: how often it is passed, how much the tries differ."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any, Literal, get_args

import numpy as np
import pyarrow.compute as pc

from curricula.arrays import Scores
from curricula.signals.base import Column, Signal
from curricula.signals.split_half import split_half
from curricula.signals.tried import Tried, tried
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lessons.tables import ATTEMPT_SCHEMA, read_table

__all__ = ["Tries", "TryStatistic", "statistic_of"]

TryStatistic = Literal[
    "failure_rate", "pass_rate", "pass_low", "pass_high", "mean_score", "best_score", "deviation", "variation",
    "distinct_answers", "majority_share", "tries",
]  # fmt: skip
Z = NormalDist().inv_cdf(0.975)


class Tries(Signal):
    """A statistic of a model's tries at each question, read from an exam's attempts.parquet.

    The tries are several samples a question (`students.sit` with `samples`); `students.signals.RollOuts` makes its own
    in the plan. With n tries a pass rate has only n + 1 levels: see the reliability that `tutelage plan` prints before
    ordering by it.

    Args:
        attempts: The attempts.parquet.
        statistic: "failure_rate" = 1 - pass rate (larger is harder), "pass_rate", "pass_low" and "pass_high" (ends of
            Wilson's 95% interval), "mean_score", "best_score", "deviation" (standard deviation of the scores),
            "variation" (deviation over mean), "distinct_answers", "majority_share" (tries with the most frequent
            answer over all: how sure a model is of what it says, as self-improvement by majority filters by, Huang et
            al. 2022, arXiv:2210.11610), "tries".
        ddof: 0: the deviation of these tries; 1: the estimate for all tries (divides by n - 1).
        small_sample: Multiply the variation by 1 + 1/(4n), as PAPRIKA does (Tajwar et al. 2025, arXiv:2502.17543
            unchecked): the estimate (1 + 1/(4n)) * sigma / mu.
        column: Name of the column; None for the statistic's.
    """

    def __init__(
        self,
        attempts: str,
        statistic: TryStatistic = "failure_rate",
        ddof: int = 0,
        small_sample: bool = False,
        column: str | None = None,
    ) -> None:
        self.attempts = attempts
        self.statistic = statistic
        self.ddof = ddof
        self.small_sample = small_sample
        self.column = column

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column or self.statistic

    def compute(self, lessons: LessonSet) -> Column:
        """Read the attempts; a lesson whose question nobody tried misses the value.

        Raises:
            DataError: The file is unusable, not graded, or about none of these questions.
        """
        table = read_table(self.attempts, ATTEMPT_SCHEMA)
        found = tried(table, lessons, self.attempts)
        values = statistic_of(found, self.statistic, self.ddof, self.small_sample)
        authors = sorted(pc.unique(table["author"]).to_pylist())
        graders = sorted(pc.unique(table["grader"]).to_pylist())
        provenance: dict[str, Any] = {"source": f"tries in {self.attempts}", "authors": authors, "graders": graders}
        if np.nanmax(found.count) >= 2:
            halves = split_half(found)
            provenance["split_half"] = None if np.isnan(halves.reliability) else halves.reliability
        return Column(values, provenance=provenance)


def statistic_of(found: Tried, statistic: TryStatistic, ddof: int = 0, small_sample: bool = False) -> Scores:
    """Return a statistic of every lesson's tries, float64 [lessons]; NaN where there are none, or too few for it."""
    if statistic not in get_args(TryStatistic) or ddof not in (0, 1):
        raise ConfigError(
            f"Tries got statistic {statistic!r} with ddof {ddof}; allowed are {', '.join(get_args(TryStatistic))} and "
            "ddof 0 or 1. Correct the setting."
        )
    if statistic in ("deviation", "variation"):
        return spread(found, statistic == "variation", ddof, small_sample)
    by_name: dict[str, Callable[[], Scores]] = {
        "failure_rate": lambda: 1 - found.mean(found.correct),
        "pass_rate": lambda: found.mean(found.correct),
        "pass_low": lambda: wilson_ends(found)[0],
        "pass_high": lambda: wilson_ends(found)[1],
        "mean_score": lambda: found.mean(found.score),
        "best_score": lambda: best(found),
        "distinct_answers": lambda: distinct(found),
        "majority_share": lambda: majority(found),
        "tries": lambda: found.count,
    }
    return by_name[statistic]()


def spread(found: Tried, over_mean: bool, ddof: int, small_sample: bool) -> Scores:
    """Return the standard deviation of the scores, over their mean if asked; NaN where it is not defined."""
    mean, count = found.mean(found.score), found.count
    squares = np.bincount(found.lesson, weights=(found.score - mean[found.lesson]) ** 2, minlength=found.lessons)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.sqrt(squares / np.where(count > ddof, count - ddof, np.nan))
        if not over_mean:
            return deviation
        ratio = deviation / np.where(mean != 0, mean, np.nan)
        return ratio * (1 + 1 / (4 * count)) if small_sample else ratio


def wilson_ends(found: Tried) -> tuple[Scores, Scores]:
    """Return both ends of Wilson's 95% interval of each pass rate (`lessons.report_card.wilson`, by columns)."""
    count, share = found.count, found.mean(found.correct)
    weight = Z * Z / count
    centre = (share + weight / 2) / (1 + weight)
    half = Z * np.sqrt(share * (1 - share) / count + weight / (4 * count)) / (1 + weight)
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    return np.where(share == 0, 0.0, low) + 0 * count, np.where(share == 1, 1.0, high) + 0 * count


def best(found: Tried) -> Scores:
    """Return the best score of each lesson's tries."""
    highest = np.full(found.lessons, -np.inf)
    np.maximum.at(highest, found.lesson, found.score)
    return np.where(np.isinf(highest), np.nan, highest)


def distinct(found: Tried) -> Scores:
    """Return how many different final answers each lesson's tries gave; tries without an answer count for nothing."""
    given = found.answer >= 0
    pairs = np.unique(np.stack([found.lesson[given], found.answer[given]], axis=1), axis=0)
    counts = np.bincount(pairs[:, 0], minlength=found.lessons).astype(np.float64)
    return np.where(np.isnan(found.count), np.nan, counts)


def majority(found: Tried) -> Scores:
    """Return the share of each lesson's tries that gave its most frequent final answer; 0 where none gave any."""
    given = found.answer >= 0
    pairs, times = np.unique(np.stack([found.lesson[given], found.answer[given]], axis=1), axis=0, return_counts=True)
    most = np.zeros(found.lessons)
    np.maximum.at(most, pairs[:, 0], times)
    return most / found.count
