"""The picture of a plan: every signal over the positions, and how much of the material has been covered."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curricula.arrays import Positions
from curricula.curriculum import Curriculum
from curricula.display.along import changes, coverage, occurrences, trend, window_edges
from curricula.display.lettering import drawable, lettered, lettering
from curricula.display.reliability import LENGTH_UNITS
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
MOST_PANELS = 4
MOST_TIMES = 4
MOST_LINES = 24


class Panel(NamedTuple):
    """One panel of the picture."""

    title: str
    """What stands above it."""
    unit: str
    """What stands beside it."""
    values: Column
    """What is drawn: numbers as their mean and the range of the middle 80%, categories as shares."""
    rows: Positions
    """Which of the values each entry has, int64 [entries]."""


@lettering()
def draw(curriculum: Curriculum, signals: SignalTable, path: str | Path, title: str | None = None) -> None:
    """Draw the plan into a PNG, SVG or PDF file.

    One panel per signal, four at most: the one ordered by, a category and a length before the others; its mean and the
    range of its middle 80% in windows along the plan, or for categories the share of each. Where a mixture chooses
    views or weights, a panel for each. One panel for coverage: the share of the lessons that has come at least once,
    twice, ...

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
    rows = rows_of(curriculum, signals)
    panels = [*signal_panels(curriculum, signals, rows), *entry_panels(curriculum)]
    figure = Figure(figsize=(9, 1.1 + 2.1 * (len(panels) + 1)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes: list[Axes] = list(figure.subplots(len(panels) + 1, 1, sharex=True, squeeze=False)[:, 0])
    figure.suptitle(
        "\n".join([*([lettered(title, 120)] if title else []), plan_title(curriculum)]), fontsize=10, fontweight="bold"
    )
    marks = marked(curriculum)
    breaks = np.sort(np.concatenate([np.empty(0, np.int64), *(mark.positions for mark in marks)]))
    for axis, panel, colour in zip(axes, panels, itertools.cycle(COLOURS), strict=False):
        draw_panel(axis, panel, breaks, colour)
    draw_coverage(axes[-1], rows, curriculum.selected)
    for axis in axes:
        decorate(axis, len(curriculum), marks)
    count = curriculum.rule.get("lessons_per_update")
    notes = [*([f"{count:,} an update"] if count else []), *(mark.meaning for mark in marks)]
    axes[-1].set_xlabel("Position in the plan, in lessons" + (f" ({', '.join(notes)})" if notes else ""))
    figure.align_ylabels(axes)
    with staged(path) as partial:
        figure.savefig(partial, format=kind)


def signal_panels(curriculum: Curriculum, signals: SignalTable, rows: Positions) -> list[Panel]:
    """Return a panel for each signal that is drawn."""
    panels = []
    for name in panel_names(curriculum, signals):
        column = signals.column(name)
        missing = f", missing for {column.missing:,} of {len(column.values):,} lessons" if column.missing else ""
        if column.labels:
            panels.append(Panel(f"{spelt(name)}: share of the entries", "share (%)", column, rows))
        else:
            role = f" ({order_role(curriculum)})" if name == curriculum.ordered_by else ""
            panels.append(Panel(f"{spelt(name)}{role}{missing}", column.unit or "score", column, rows))
    return panels


def entry_panels(curriculum: Curriculum) -> list[Panel]:
    """Return a panel for the views and one for the weights, where a mixture chooses them."""
    entries, panels = np.arange(len(curriculum)), []
    if curriculum.view is not None:
        labels = tuple(f"view {number}" for number in range(int(curriculum.view.max()) + 1))
        views = Column(curriculum.view.astype(np.float64), labels=labels)
        panels.append(Panel("View that the lessons are shown in: share of the entries", "share (%)", views, entries))
    if (curriculum.weight != 1).any():
        panels.append(Panel("Weight in the loss", "factor", Column(curriculum.weight), entries))
    return panels


def spelt(name: str) -> str:
    """Write the name of a signal as words."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def order_role(curriculum: Curriculum) -> str:
    """Say what the signal that the plan is ordered by does."""
    return "the plan is ordered by this" if curriculum.rule.get("mixture") is None else "the mixture draws along this"


def plan_title(curriculum: Curriculum) -> str:
    """Say in one line what the plan is."""
    name = short_name(curriculum.rule["ordering"])
    mixture = curriculum.rule.get("mixture")
    if mixture is not None:
        over = f" over {name}" if curriculum.rule.get("follows_order", True) else ""
        name = short_name(mixture) + over
    by = f" by {curriculum.ordered_by}" if curriculum.ordered_by else ""
    entries, lessons = curriculum.counts["entries"], curriculum.selected
    passes = "1 pass" if entries == lessons else f"{entries / lessons:.3g} passes"
    preview = ", foreseen without feedback" if curriculum.rule.get("hears") else ""
    return f"{name}{by}: {lessons:,} lessons, {passes}, {entries:,} entries{preview}"


def short_name(part: dict[str, Any]) -> str:
    """Return the class of a part, with what is inside it: "WeightedLoss(PrefixPool)"."""
    name = str(part["class_path"]).rpartition(".")[2]
    inside = part["init_args"].get("mixture") or part["init_args"].get("ordering")
    return f"{name}({short_name(inside)})" if inside else name


def panel_names(curriculum: Curriculum, signals: SignalTable) -> list[str]:
    """Return the signals to draw, none without any value: the one ordered by, a category and a length come first."""
    usable = {name: column for name, column in signals.columns.items() if column.missing < len(signals)}
    order_by = curriculum.rule["order_by"]  # also where it is only recorded: arms are compared by the same picture
    first = [name for name in usable if name == order_by]
    category = [name for name, column in usable.items() if column.labels][:1]
    length = [name for name, column in usable.items() if column.unit in LENGTH_UNITS][:1]
    return list(dict.fromkeys([*first, *category, *length, *usable]))[:MOST_PANELS]


def rows_of(curriculum: Curriculum, signals: SignalTable) -> Positions:
    """Return the row in the signal table of each entry, int64 [entries]."""
    found = pc.index_in(pa.array(curriculum.lesson_ids, pa.string()), pa.array(signals.lesson_ids, pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)


def draw_panel(axis: Axes, panel: Panel, breaks: Positions, colour: str) -> None:
    """Draw one panel, with gaps where a pass or a tier begins."""
    axis.set_title(panel.title, loc="left", fontsize=10)
    axis.set_ylabel(panel.unit)
    if panel.values.labels:
        draw_shares(axis, shares_along(panel.values, panel.rows, window_edges(len(panel.rows), breaks)))
        return
    along = trend(drawable(panel.values.values[panel.rows]), breaks=breaks)
    gaps = np.searchsorted(along.centre, breaks)
    centre, mean, low, high = (np.insert(part, gaps, np.nan) for part in along)
    axis.fill_between(centre, low, high, color=colour, alpha=0.2, linewidth=0, label="middle 80%")
    axis.plot(centre, mean, color=colour, linewidth=1.8, marker=".", markersize=4, label="mean")
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
