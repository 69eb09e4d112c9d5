"""The picture of a plan: every signal over the positions, and how much of the material has been covered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from curricula.curriculum import Curriculum
from curricula.orderings.base import Positions
from curricula.signal_table import SignalTable
from curricula.signals.base import Column, Scores
from curricula.summary import check_pair, order_text, ordering_text
from lessons.errors import ConfigError
from lessons.files import staged

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

# Okabe and Ito's palette: told apart with every common form of colour blindness.
BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#555555"
WINDOWS = 100
MOST_PANELS = 4
MOST_TIMES = 4
LARGEST_MARKED = 12


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
    along the plan. One panel for coverage: the share of the lessons that has come at least once, twice, ...

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
    for axis, name, colour in zip(axes, names, [BLUE, ORANGE, GREEN, PURPLE], strict=False):
        draw_signal(axis, name, signals.column(name), rows, colour)
    draw_coverage(axes[-1], rows, len(signals))
    for axis in axes:
        decorate(axis, curriculum)
    axes[-1].set_xlabel("Position in the plan (lessons)")
    with staged(path) as partial:
        figure.savefig(partial, format=kind)


def plan_title(curriculum: Curriculum) -> str:
    """Say in one line what the plan is."""
    return (
        f"{ordering_text(curriculum)} by {order_text(curriculum)}: "
        f"{curriculum.counts['entries']:,} entries from {curriculum.counts['lessons']:,} lessons"
    )


def panel_names(curriculum: Curriculum, signals: SignalTable) -> list[str]:
    """Return the signals to draw: the one ordered by first, none without any value."""
    order_by = curriculum.rule["order_by"]
    usable = [name for name, column in signals.columns.items() if column.missing < len(signals)]
    return sorted(usable, key=lambda name: name != order_by)[:MOST_PANELS]


def rows_of(curriculum: Curriculum, signals: SignalTable) -> Positions:
    """Return the row in the signal table of each entry, int64 [entries]."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(pa.array(curriculum.lesson_ids, pa.string()), pa.array(signals.lesson_ids, pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)


def trend(values: Scores, windows: int = WINDOWS) -> Trend:
    """Summarise values along the plan in windows of equally many entries.

    >>> trend(np.array([1.0, 3.0, 5.0, 7.0]), windows=2).mean.tolist()
    [2.0, 6.0]
    """
    edges = np.linspace(0, len(values), min(windows, len(values)) + 1).astype(np.int64)
    figures = np.full((3, len(edges) - 1), np.nan)
    for k, (start, stop) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        known = values[start:stop][~np.isnan(values[start:stop])]
        if len(known):
            figures[:, k] = known.mean(), *np.quantile(known, [0.1, 0.9])
    return Trend((edges[:-1] + edges[1:]) / 2, *figures)


def draw_signal(axis: Axes, name: str, column: Column, rows: Positions, colour: str) -> None:
    """Draw one signal along the plan."""
    along = trend(column.values[rows])
    axis.fill_between(along.centre, along.low, along.high, color=colour, alpha=0.2, linewidth=0, label="middle 80%")
    axis.plot(along.centre, along.mean, color=colour, linewidth=1.8, label="mean")
    label = name.replace("_", " ")
    words = label.removesuffix(f" {column.unit}") if column.unit else label
    missing = f", {column.missing:,} of {len(column.values):,} missing" if column.missing else ""
    axis.set_title(f"{label[:1].upper()}{label[1:]}{missing}", loc="left", fontsize=10)
    axis.set_ylabel(f"{words}\n({column.unit})" if column.unit else words)
    axis.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, fontsize=8)


def draw_coverage(axis: Axes, rows: Positions, lessons: int) -> None:
    """Draw which share of the lessons has come at least once, twice, ... by each position."""
    occurrence = occurrences(rows)
    shown = min(int(occurrence.max()) + 1, MOST_TIMES)
    position = np.arange(len(rows) + 1)
    keep = np.unique(np.linspace(0, len(rows), 1_000).astype(np.int64))
    for k, colour in zip(range(shown), [BLUE, ORANGE, GREEN, PURPLE], strict=False):
        share = np.r_[0, np.cumsum(occurrence == k)] / lessons * 100
        label = "at least once" if k == 0 else f"at least {k + 1} times"
        axis.plot(
            position[keep], share[keep], color=colour, linewidth=1.8, label=label, linestyle=["-", "--", "-.", ":"][k]
        )
    axis.set_title("Coverage and repeats", loc="left", fontsize=10)
    axis.set_ylabel("lessons seen\n(% of all)")
    axis.set_ylim(-3, 103)
    axis.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, fontsize=8)


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


def decorate(axis: Axes, curriculum: Curriculum) -> None:
    """Mark where passes and tiers begin, and clean the frame."""
    for boundaries, style in ((changes(curriculum.stage), ":"), (changes(curriculum.pass_number), "-")):
        if len(boundaries) <= LARGEST_MARKED:
            for boundary in boundaries:
                axis.axvline(float(boundary), color=GREY, linewidth=0.8, linestyle=style, zorder=0)
    axis.set_xlim(0, len(curriculum))
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def changes(numbers: npt.NDArray[np.int32]) -> Positions:
    """Return the positions at which a number differs from the one before."""
    return np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
