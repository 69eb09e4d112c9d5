"""Figures along a plan: values in windows of its entries, how often lessons have come, where something begins."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions, Scores

__all__ = ["Trend", "changes", "coverage", "occurrences", "trend", "window_edges"]

MOST_WINDOWS = 100
LEAST_IN_WINDOW = 20


class Trend(NamedTuple):
    """A signal along the plan, in windows of equally many entries."""

    centre: Scores
    """Position of each window's middle, [windows]."""
    mean: Scores
    """Mean of each window's values, [windows]; NaN where it has none."""
    low: Scores
    """10% quantile, [windows]."""
    high: Scores
    """90% quantile, [windows]."""


def trend(values: Scores, windows: int | None = None, breaks: Sequence[int] | Positions = ()) -> Trend:
    """Summarise values along the plan in windows of about equally many entries, none of them across a break.

    There are about 100 windows, or fewer to have some 20 entries in each.

    >>> trend(np.array([1.0, 3.0, 5.0, 7.0]), windows=2).mean.tolist()
    [2.0, 6.0]
    """
    edges = window_edges(len(values), breaks, windows)
    figures = np.full((3, len(edges) - 1), np.nan)
    for k, (start, stop) in enumerate(itertools.pairwise(edges)):
        known = values[start:stop][~np.isnan(values[start:stop])]
        if len(known):
            figures[:, k] = known.mean(), *np.quantile(known, [0.1, 0.9])
    return Trend((edges[:-1] + edges[1:]) / 2, *figures)


def window_edges(entries: int, breaks: Sequence[int] | Positions = (), windows: int | None = None) -> Positions:
    """Return where windows of about equally many entries begin and end, none of them across a break.

    >>> window_edges(10, breaks=[4], windows=3).tolist()
    [0, 4, 7, 10]
    """
    windows = windows or max(1, min(MOST_WINDOWS, entries // LEAST_IN_WINDOW))
    parts = []
    for start, stop in itertools.pairwise([0, *breaks, entries]):
        share = max(1, round(min(windows, entries) * (stop - start) / entries))
        parts.append(np.linspace(start, stop, share + 1).astype(np.int64))
    return np.unique(np.concatenate(parts))


def coverage(occurrence: Positions, times: int, lessons: int) -> Scores:
    """Return the share of the lessons, in percent, that came at least `times` times before each position and the end.

    >>> coverage(np.array([0, 0, 1, 1]), times=2, lessons=2).tolist()
    [0.0, 0.0, 0.0, 50.0, 100.0]
    """
    share: Scores = np.r_[0, np.cumsum(occurrence == times - 1)] / lessons * 100
    return share


def occurrences(rows: Positions) -> Positions:
    """Return how often each entry's lesson came before it, int64 [entries].

    >>> occurrences(np.array([5, 2, 5, 5, 2])).tolist()
    [0, 0, 1, 2, 1]
    """
    by_row = np.argsort(rows, kind="stable")
    ordered = rows[by_row]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    result = np.empty(len(rows), np.int64)
    result[by_row] = np.arange(len(rows)) - np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
    return result


def changes(numbers: npt.NDArray[Any]) -> Positions:
    """Return the positions at which a number differs from the one before."""
    return np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
