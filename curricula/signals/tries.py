"""What several tries at a question show: how often it is passed, how much the tries differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curricula.signals.base import Column, Scores, Signal
from curricula.signals.split_half import split_half
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet
from lessons.tables import ATTEMPT_SCHEMA, read_table

__all__ = ["Tried", "Tries", "TryStatistic", "tried"]

TryStatistic = Literal[
    "failure_rate", "pass_rate", "pass_low", "pass_high", "mean_score", "best_score", "deviation", "variation",
    "distinct_answers", "tries",
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
            "variation" (deviation over mean), "distinct_answers", "tries".
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


@dataclass(frozen=True)
class Tried:
    """All graded tries at the lessons' questions, as columns."""

    lesson: npt.NDArray[np.int64]
    """The lesson each try counts for, [tries]."""
    correct: npt.NDArray[np.bool_]
    """Whether it was right, [tries]."""
    score: Scores
    """Its score, [tries]."""
    answer: npt.NDArray[np.int64]
    """A code for its final answer, equal for equal answers; -1 where it gave none, [tries]."""
    lessons: int
    """How many lessons there are."""

    @property
    def count(self) -> Scores:
        """Tries at each lesson, [lessons]; NaN where there are none."""
        counts = np.bincount(self.lesson, minlength=self.lessons).astype(np.float64)
        return np.where(counts > 0, counts, np.nan)

    def mean(self, values: npt.NDArray[Any]) -> Scores:
        """Return the mean over each lesson's tries, [lessons]."""
        return np.bincount(self.lesson, weights=values, minlength=self.lessons) / self.count


def tried(attempts: pa.Table, lessons: LessonSet, source: str) -> Tried:
    """Join attempts with the lessons whose questions they answer; lessons of one question share its tries.

    Args:
        attempts: A table of `ATTEMPT_SCHEMA`.
        lessons: The lessons.
        source: Where the attempts come from, for messages.

    Raises:
        DataError: An attempt was not graded, or none answers any of these questions.
    """
    if ungraded := attempts["correct"].null_count:
        raise DataError(
            f"{ungraded} of {attempts.num_rows} attempts in {source} were not graded; tries are counted by their "
            "grades. Give a grader when they are made."
        )
    rows = pc.index_in(attempts["prompt_id"], lessons.prompts["id"].combine_chunks())
    prompt = rows.fill_null(-1).to_numpy()
    if not (prompt >= 0).any():
        raise DataError(
            f"None of the {attempts.num_rows} attempts in {source} answers any of the questions of these "
            f"{len(lessons)} lessons. Give the attempts at these very prompts."
        )
    order = np.argsort(prompt, kind="stable")
    starts, ends = (np.searchsorted(prompt[order], lessons.prompt_rows, side) for side in ("left", "right"))
    lesson = np.repeat(np.arange(len(lessons)), ends - starts)
    offset = np.arange(len(lesson)) - np.repeat(np.cumsum(ends - starts) - (ends - starts), ends - starts)
    chosen = order[np.repeat(starts, ends - starts) + offset]
    answers = attempts["graded_answer"].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
    return Tried(
        lesson=lesson,
        correct=attempts["correct"].to_numpy()[chosen].astype(bool),
        score=attempts["score"].to_numpy()[chosen],
        answer=answers[chosen].astype(np.int64),
        lessons=len(lessons),
    )


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
