"""What share each category has along a plan: the mixture over the updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.display.lettering import lettered
from curricula.signals.base import Column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Shares", "draw_shares", "shares_along"]

# Okabe and Ito's palette, grey for all that is left: told apart with every common form of colour blindness.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
GREY = "#BBBBBB"


class Shares(NamedTuple):
    """The share of some categories in windows along a plan."""

    edges: Positions
    """Where the windows begin and end, in entries, int64 [windows + 1]."""
    labels: tuple[str, ...]
    """The categories with the most entries, in their own order; the rest, if any, is the last one, "others"."""
    share: Scores
    """Share of each in each window, float64 [labels, windows]; columns add up to 1."""


def shares_along(column: Column, rows: Positions, edges: Positions, most: int = len(PALETTE)) -> Shares:
    """Count the categories of the entries in each window.

    Args:
        column: A column of categories, by lesson. Lessons without one count among the others.
        rows: The lesson of each entry.
        edges: Where the windows begin and end, rising, from 0 to the number of entries.
        most: How many categories are told apart.
    """
    values = column.values[rows]
    codes = np.where(np.isnan(values), len(column.labels), values).astype(np.int64)
    sizes = np.bincount(codes, minlength=len(column.labels) + 1)
    shown = np.sort(np.argsort(-sizes[:-1], kind="stable")[:most])
    shown = shown[sizes[shown] > 0]
    slot = np.full(len(sizes), len(shown))
    slot[shown] = np.arange(len(shown))
    window = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    counts = np.bincount(slot[codes] * (len(edges) - 1) + window, minlength=(len(shown) + 1) * (len(edges) - 1))
    share = counts.reshape(len(shown) + 1, -1) / np.diff(edges)
    labels = tuple(column.labels[code] for code in shown)
    others = sizes.sum() > sizes[shown].sum()
    return Shares(edges, (*labels, "others"), share) if others else Shares(edges, labels, share[:-1])


def draw_shares(axis: Axes, shares: Shares) -> None:
    """Draw the shares one above another, in steps."""
    bottom = np.zeros(len(shares.edges) - 1)
    colours = [*PALETTE[: len(shares.labels)], GREY][: len(shares.labels)]
    if shares.labels[-1] == "others":
        colours[-1] = GREY
    drawn = []
    for share, colour in zip(shares.share, colours, strict=True):
        drawn.append(axis.stairs((bottom + share) * 100, shares.edges, baseline=bottom * 100, fill=True, color=colour))
        bottom = bottom + share
    axis.set_ylim(0, 100)
    names = [lettered(label) for label in shares.labels]
    axis.legend(drawn, names, loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, fontsize=8)
