"""What happened to each lesson in an earlier run."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curricula.arrays import Scores
from curricula.history import read_history
from curricula.signals.base import Column, Signal
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["History"]

Statistic = Literal["last", "mean", "deviation", "progress", "last_seen", "times"]


class History(Signal):
    """A statistic of a figure's course over a run, such as the loss of each lesson, read from a history file.

    The deviation of a lesson's accuracy over the epochs of a run ranks lessons in 1-shot RLVR (Wang et al. 2025,
    arXiv:2504.20571): what was learnt and lost again teaches most.

    Args:
        history: The folder logs/history of a run, or a Parquet file with the columns lesson_id, update, figure, value;
            or a pattern such as runs/x/round-*/control/logs/history: the updates of later runs are counted on. While
            nothing fits the pattern, no lesson has a value.
        figure: Which figure: a name that a measure gave it, such as training_loss, loss or pass_rate.
        statistic: "last" value, "mean", "deviation" (standard, of the values themselves), "progress" (|fast - slow|
            running mean), "last_seen" (the update of the last value) or "times" (how many values).
        fast: Rate of the fast running mean, in (0, 1].
        slow: Rate of the slow running mean, in (0, 1].
    """

    def __init__(
        self,
        history: str,
        figure: str = "loss",
        statistic: Statistic = "mean",
        fast: float = 0.5,
        slow: float = 0.1,
    ) -> None:
        self.history = history
        self.figure = figure
        self.statistic = statistic
        self.fast = fast
        self.slow = slow

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.figure}_{self.statistic}"

    def compute(self, lessons: LessonSet) -> Column:
        """Summarise; a lesson that the run never measured misses the value."""
        table = read_history(self.history)
        mine = table.filter(pc.equal(table["figure"], self.figure))
        if table.num_rows and not mine.num_rows:
            raise DataError(
                f"{self.history} holds no figure {self.figure!r}; it has: "
                f"{', '.join(sorted(pc.unique(table['figure']).to_pylist())) or 'none'}. Name one of these."
            )
        rows = pc.index_in(mine["lesson_id"], pa.array(lessons.ids, pa.string())).fill_null(-1).to_numpy()
        order = np.lexsort((mine["update"].to_numpy(), rows))
        order = order[rows[order] >= 0]
        values = self.summarise(rows[order], mine["value"].to_numpy()[order], mine["update"].to_numpy()[order], lessons)
        return Column(values, provenance={"source": f"{self.figure} in {self.history}"})

    def summarise(
        self, rows: np.ndarray[tuple[int], np.dtype[np.int64]], values: Scores, updates: Scores, lessons: LessonSet
    ) -> Scores:
        """Return the statistic of each lesson; the entries are sorted by lesson, then update."""
        size = len(lessons)
        counts = np.bincount(rows, minlength=size).astype(np.float64)
        counts[counts == 0] = np.nan
        mean = np.bincount(rows, values, size) / counts
        last = np.full(size, np.nan)
        seen = np.full(size, np.nan)
        last[rows], seen[rows] = values, updates  # later entries overwrite earlier ones
        statistics = {"last": last, "mean": mean, "last_seen": seen, "times": counts}
        if self.statistic in statistics:
            return statistics[self.statistic]
        if self.statistic == "deviation":
            return np.sqrt(np.bincount(rows, (values - mean[rows]) ** 2, size) / counts)
        if self.statistic == "progress":
            return np.abs(running_mean(rows, values, self.fast, size) - running_mean(rows, values, self.slow, size))
        raise ConfigError(
            f"History got statistic={self.statistic!r}; allowed are {', '.join(statistics)}, deviation and progress. "
            "Correct `statistic`."
        )


def running_mean(rows: np.ndarray[tuple[int], np.dtype[np.int64]], values: Scores, rate: float, size: int) -> Scores:
    """Return the running mean of each row's values, begun with the first, float64 [size]; NaN where there is none."""
    means = np.full(size, np.nan)
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]) if len(rows) else np.empty(0, np.int64)
    visit = np.arange(len(rows)) - np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
    for number in range(int(visit.max(initial=-1)) + 1):  # one step a visit, all lessons at once
        now = visit == number
        old = np.where(np.isnan(means[rows[now]]), values[now], means[rows[now]])
        means[rows[now]] = old + rate * (values[now] - old)
    return means
