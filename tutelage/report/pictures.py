"""The report's charts: matplotlib to SVG text, small and sharp."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from curricula.display.lettering import drawable, lettered, lettering
from lessons.report_card import Cell, ReportCard

__all__ = ["as_image", "exam_chart", "group_chart", "loss_chart"]

# Okabe and Ito's colours: told apart by readers with any colour vision. Greys are for base model and teacher.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]
SPECIAL = {"base model": "#cdd2d9", "teacher": "#7d8794"}
LONGEST_NAME = 40
INK = "#3b4252"
GRID = "#e5e8ec"
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: a quarter of the size, searchable
    "svg.hashsalt": "tutelage",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#b8c0ca",
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}


def colours(authors: Sequence[str]) -> dict[str, str]:
    """Give every author one colour, the same in all charts."""
    arms = [name for name in authors if name not in SPECIAL]
    return {**{name: COLOURS[k % len(COLOURS)] for k, name in enumerate(arms)}, **SPECIAL}


@lettering(STYLE)
def exam_chart(exams: Sequence[ReportCard]) -> str:
    """Draw every author's accuracy as a bar with its 95% interval."""
    palette = colours([exam.author for exam in exams])
    figure, axes = canvas(7.2, 0.9 + 0.46 * len(exams))
    for row, exam in enumerate(exams):
        cell = exam.overall
        axes.barh(row, 100 * cell.accuracy, height=0.58, color=palette[exam.author])
        axes.errorbar(100 * cell.accuracy, row, xerr=error_bar(cell), fmt="none", ecolor=INK, capsize=4, linewidth=1.4)
        axes.text(100 * cell.high + 1.5, row, f"{100 * cell.accuracy:.1f}%  ({cell.correct}/{cell.total})", va="center")
    axes.set_yticks(range(len(exams)), [lettered(exam.author, LONGEST_NAME) for exam in exams])
    axes.invert_yaxis()
    axes.set_xlim(0, 122)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("right answers in %, with 95% Wilson interval")
    axes.grid(axis="x", color=GRID)
    axes.tick_params(axis="y", length=0)
    return svg(figure)


@lettering(STYLE)
def group_chart(groups: Sequence[str], cells: Mapping[str, Mapping[str, Cell]], label: str) -> str:
    """Draw accuracy by group (difficulty tier, topic), one bar per author and group.

    Args:
        groups: The groups, in order.
        cells: By author: by group.
        label: Name of the horizontal axis.
    """
    palette = colours(list(cells))
    figure, axes = canvas(max(7.2, 1.4 + 0.24 * len(groups) * (len(cells) + 1)), 3.1)
    width = 0.8 / len(cells)
    drawn: list[Any] = []
    for k, (author, found) in enumerate(cells.items()):
        places = [g + (k - (len(cells) - 1) / 2) * width for g, name in enumerate(groups) if name in found]
        shown = [found[name] for name in groups if name in found]
        heights = [100 * cell.accuracy for cell in shown]
        bars = [[end for cell in shown for end in error_bar(cell)[side]] for side in (0, 1)]
        drawn.append(axes.bar(places, heights, width * 0.92, color=palette[author]))
        axes.errorbar(places, heights, yerr=bars, fmt="none", ecolor=INK, capsize=2.5, linewidth=1.1)
    totals = [max((found[name].total for found in cells.values() if name in found), default=0) for name in groups]
    long_names = max(map(len, groups)) * len(groups) > 90
    labels = [f"{lettered(name, LONGEST_NAME)}\nn = {total}" for name, total in zip(groups, totals, strict=True)]
    axes.set_xticks(
        range(len(groups)), labels, rotation=35 if long_names else 0, ha="right" if long_names else "center"
    )
    axes.set_ylim(0, 105)
    axes.set_yticks(range(0, 101, 20))
    axes.set_ylabel("right answers in %")
    axes.set_xlabel(label)
    axes.grid(axis="y", color=GRID)
    axes.tick_params(axis="x", length=0)
    axes.legend(
        drawn, [lettered(author, LONGEST_NAME) for author in cells], frameon=False, ncols=min(4, len(cells)),
        loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2,
    )  # fmt: skip
    return svg(figure)


@lettering(STYLE)
def loss_chart(losses: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Draw the training loss of every arm over its updates: faint points, and a running mean on top.

    What is no number, or too large to be drawn, is a gap.
    """
    palette = colours(list(losses))
    figure, axes = canvas(7.2, 3.0)
    curves = {author: drawable([loss for _, loss in points]) for author, points in losses.items()}
    means = []
    for author, values in curves.items():
        updates = [update for update, _ in losses[author]]
        axes.plot(updates, values, color=palette[author], alpha=0.25, linewidth=0.8)
        means += axes.plot(updates, running_mean(values.tolist()), color=palette[author], linewidth=1.8)
    positive = [loss for values in curves.values() for loss in values if loss > 0]
    if positive and max(positive) > 30 * min(positive):
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel("optimiser updates")
    axes.set_ylabel("loss per supervised token (nats)")
    axes.grid(color=GRID)
    names = [lettered(author, LONGEST_NAME) for author in curves]
    axes.legend(means, names, frameon=False, loc="upper right")  # where a falling curve leaves room
    return svg(figure)


def running_mean(values: Sequence[float]) -> list[float]:
    """Smooth a curve with an exponential mean over about a twentieth of its length, unbiased at the start.

    A gap (NaN) stays one, and the mean goes on behind it.
    """
    keep = 1 - 1 / max(1.0, len(values) / 20)
    total = weight = 0.0
    smooth = []
    for value in values:
        if math.isnan(value):
            smooth.append(value)
            continue
        total, weight = keep * total + value, keep * weight + 1
        smooth.append(total / weight)
    return smooth


def error_bar(cell: Cell) -> list[list[float]]:
    """Return the distances from the accuracy to the ends of its interval, in percent [below and above, 1]."""
    return [[100 * max(0.0, cell.accuracy - cell.low)], [100 * max(0.0, cell.high - cell.accuracy)]]


def canvas(width: float, height: float) -> tuple[Any, Any]:
    """Return a figure and its axes, without touching matplotlib's global state."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.subplots()


def svg(figure: Any) -> str:
    """Render a figure as SVG text, the same bytes every time."""
    content = io.StringIO()
    figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return content.getvalue()


def as_image(content: str | bytes, kind: str) -> str:
    """Return a data URI for an <img>: the page needs no other file."""
    data = content.encode() if isinstance(content, str) else content
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
