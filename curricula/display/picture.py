"""The picture of a plan: every signal over the positions, and how much of the material has been covered."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curricula.arrays import Positions, Scores
from curricula.curriculum import Curriculum
from curricula.display.shares import draw_shares, shares_along
from curricula.display.summary import check_pair
from curricula.signal_table import SignalTable
from curricula.signals.base import Column
from lessons.errors import ConfigError
from lessons.files import staged

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

# Okabe and Ito's palette: told apart with every common form of colour blindness.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
MOST_WINDOWS = 100
LEAST_IN_WINDOW = 20
MOST_PANELS = 4
MOST_TIMES = 4
MOST_LINES = 24


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


def draw(curriculum: Curriculum, signals: SignalTable, path: str | Path, title: str | None = None) -> None:
    """Draw the plan into a PNG, SVG or PDF file.

    One panel per signal (the one ordered by first, four at most): its mean and the range of its middle 80% in windows
    along the plan, or for categories the share of each. One panel for coverage: the share of the lessons that has come
    at least once, twice, ...

    Raises:
        CheckpointMismatch: The signals are of other lessons.
        ConfigError: The file name has another ending.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check_pair(curriculum, signals)
    kind = Path(path).suffix.lstrip(".").lower()
    if kind not in ("png", "svg", "pdf"):
        raise ConfigError(f"A picture cannot be written to {path}: the name must end in .png, .svg or .pdf. Rename it.")
    names = panel_names(curriculum, signals)
    figure = Figure(figsize=(9, 1.1 + 2.1 * (len(names) + 1)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes: list[Axes] = list(figure.subplots(len(names) + 1, 1, sharex=True, squeeze=False)[:, 0])
    figure.suptitle(title or plan_title(curriculum), fontsize=12, fontweight="bold")
    rows = rows_of(curriculum, signals)
    marks = marked(curriculum)
    breaks = np.sort(np.concatenate([np.empty(0, np.int64), *(mark.positions for mark in marks)]))
    for axis, name, colour in zip(axes, names, COLOURS, strict=False):
        column = signals.column(name)
        ordered = curriculum.rule["needs_scores"] and name == curriculum.rule["order_by"]
        if column.labels:
            draw_shares(axis, name, shares_along(column, rows, window_edges(len(rows), breaks)))
        else:
            draw_signal(axis, name, column, rows, breaks, colour, ordered)
    draw_coverage(axes[-1], rows, curriculum.selected)
    for axis in axes:
        decorate(axis, len(curriculum), marks)
    note = f" ({', '.join(mark.meaning for mark in marks)})" if marks else ""
    axes[-1].set_xlabel(f"Position in the plan, in lessons{note}")
    figure.align_ylabels(axes)
    with staged(path) as partial:
        figure.savefig(partial, format=kind)


def plan_title(curriculum: Curriculum) -> str:
    """Say in one line what the plan is."""
    name = curriculum.rule["ordering"]["class_path"].rpartition(".")[2]
    mixture = curriculum.rule.get("mixture")
    if mixture is not None:
        name = f"{mixture['class_path'].rpartition('.')[2]} over {name}"
    by = f" by {curriculum.rule['order_by']}" if curriculum.rule["needs_scores"] else ""
    entries, lessons = curriculum.counts["entries"], curriculum.selected
    passes = "1 pass" if entries == lessons else f"{entries / lessons:.3g} passes"
    preview = ", foreseen without feedback" if curriculum.rule.get("hears") else ""
    return f"{name}{by}: {lessons:,} lessons, {passes}, {entries:,} entries{preview}"


def panel_names(curriculum: Curriculum, signals: SignalTable) -> list[str]:
    """Return the signals to draw: the one ordered by first, none without any value."""
    order_by = curriculum.rule["order_by"]
    usable = [name for name, column in signals.columns.items() if column.missing < len(signals)]
    return sorted(usable, key=lambda name: name != order_by)[:MOST_PANELS]


def rows_of(curriculum: Curriculum, signals: SignalTable) -> Positions:
    """Return the row in the signal table of each entry, int64 [entries]."""
    found = pc.index_in(pa.array(curriculum.lesson_ids, pa.string()), pa.array(signals.lesson_ids, pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)


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


def draw_signal(
    axis: Axes, name: str, column: Column, rows: Positions, breaks: Positions, colour: str, ordered: bool
) -> None:
    """Draw one signal along the plan, with gaps where a pass or a tier begins."""
    along = trend(column.values[rows], breaks=breaks)
    gaps = np.searchsorted(along.centre, breaks)
    centre, mean, low, high = (np.insert(part, gaps, np.nan) for part in along)
    axis.fill_between(centre, low, high, color=colour, alpha=0.2, linewidth=0, label="middle 80%")
    axis.plot(centre, mean, color=colour, linewidth=1.8, marker=".", markersize=4, label="mean")
    label = name.replace("_", " ")
    missing = f", missing for {column.missing:,} of {len(column.values):,} lessons" if column.missing else ""
    role = " (the plan is ordered by this)" if ordered else ""
    axis.set_title(f"{label[:1].upper()}{label[1:]}{role}{missing}", loc="left", fontsize=10)
    axis.set_ylabel(column.unit or "score")
    axis.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, fontsize=8)


def draw_coverage(axis: Axes, rows: Positions, lessons: int) -> None:
    """Draw which share of the lessons has come at least once, twice, ... by each position."""
    occurrence = occurrences(rows)
    keep = np.unique(np.linspace(0, len(rows), 1_000).astype(np.int64))
    shown = range(1, min(int(occurrence.max()) + 1, MOST_TIMES) + 1)
    for times, colour, style in zip(shown, COLOURS, ["-", "--", "-.", ":"], strict=False):
        share = coverage(occurrence, times, lessons)
        label = "at least once" if times == 1 else f"at least {times} times"
        axis.plot(keep, share[keep], color=colour, linewidth=1.8, label=label, linestyle=style)
    axis.set_title("Coverage and repeats", loc="left", fontsize=10)
    axis.set_ylabel("lessons seen\n(% of all)")
    axis.set_ylim(-3, 103)
    axis.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, fontsize=8)


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


class Mark(NamedTuple):
    """Vertical lines that mark where something begins."""

    positions: Positions
    """Where the lines stand, in entries."""
    style: str
    """matplotlib's line style."""
    meaning: str
    """What the lines mean, for the axis label."""


def marked(curriculum: Curriculum) -> list[Mark]:
    """Return the beginnings of passes and tiers, each kind only where its lines stay readable."""
    passes, stages = changes(curriculum.pass_number), changes(curriculum.stage)
    tiers = np.setdiff1d(stages, passes)
    step = "pass" if curriculum.rule.get("mixture") is None else "stage"
    marks = [Mark(passes, "-", f"solid line: next {step}"), Mark(tiers, ":", "dotted line: next tier")]
    return [mark for mark in marks if 0 < len(mark.positions) <= MOST_LINES]


def decorate(axis: Axes, entries: int, marks: list[Mark]) -> None:
    """Mark where passes and tiers begin, and clean the frame."""
    for mark in marks:
        for position in mark.positions:
            axis.axvline(float(position), color=GREY, linewidth=0.8, linestyle=mark.style, zorder=0)
    axis.set_xlim(0, entries)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def changes(numbers: npt.NDArray[np.int32]) -> Positions:
    """Return the positions at which a number differs from the one before."""
    return np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
