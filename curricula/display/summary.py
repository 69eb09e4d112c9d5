"""A plan in words: a table for the terminal."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Scores
from curricula.curriculum import Curriculum
from curricula.display.reliability import reliability
from curricula.display.wording import number, part_text, plural, times, unit
from curricula.signal_table import SignalTable
from curricula.signals.base import Column
from lessons.errors import CheckpointMismatch

__all__ = ["check_pair", "order_text", "ordering_text", "summarise"]


def summarise(curriculum: Curriculum, signals: SignalTable) -> list[tuple[str, str]]:
    """Return the plan's facts as rows of (what, value), for a table."""
    check_pair(curriculum, signals)
    counts = curriculum.counts
    rows = [
        ("lessons", f"{counts['lessons']:,}"),
        *selection_rows(signals),
        ("entries", f"{counts['entries']:,} ({counts['entries'] / curriculum.selected:.2f} passes)"),
        ("each lesson comes", repeats_text(counts["least_repeats"], counts["most_repeats"])),
        ("ordering", ordering_text(curriculum)),
        ("ordered by", order_text(curriculum)),
        *mixture_rows(curriculum),
        *view_rows(curriculum),
        ("stages", stages_text(curriculum)),
        ("weights", weights_text(curriculum.weight)),
    ]
    for name, column in signals.columns.items():
        rows.append((name, column_text(column)))
    return [
        *rows,
        *[(f"reliability of {name}", finding) for name, finding in reliability(signals)],
        ("seed", str(curriculum.seed)),
        ("lessons fingerprint", curriculum.lessons_fingerprint[:16]),
        ("plan fingerprint", curriculum.fingerprint[:16]),
    ]


def selection_rows(signals: SignalTable) -> list[tuple[str, str]]:
    """Return what each selector left."""
    record = signals.left_out
    if record is None:
        return []
    rows, left = [], len(signals)
    for step, selector in enumerate(record.selectors):
        gone = record.count_by(step)
        left -= gone
        rows.append((f"selected by {part_text(selector)}", f"{left:,} ({gone:,} left out)"))
    return rows


def mixture_rows(curriculum: Curriculum) -> list[tuple[str, str]]:
    """Return how the lessons of an update are drawn."""
    mixture = curriculum.rule.get("mixture")
    if mixture is None:
        return []
    drawn = f"{curriculum.rule['lessons_per_update']} an update"
    if curriculum.rule["hears"]:
        drawn += "; what is written here is a preview, training draws by what it hears"
    return [("mixture", part_text(mixture)), ("lessons drawn", drawn)]


def view_rows(curriculum: Curriculum) -> list[tuple[str, str]]:
    """Return which share of the entries is shown in each of the rendering's views."""
    if curriculum.view is None:
        return []
    shares = np.bincount(curriculum.view) / len(curriculum)
    return [("shown in views", ", ".join(f"{number}: {share:.0%}" for number, share in enumerate(shares)))]


def column_text(column: Column) -> str:
    """Say how a signal's values spread."""
    known = column.values[~np.isnan(column.values)]
    if not len(known):
        return "no lesson has a value"
    if column.labels:
        sizes = np.bincount(known.astype(np.int64), minlength=len(column.labels))
        large, small = int(sizes.argmax()), int(sizes.argmin())
        text = plural(len(column.labels), "category", "categories")
        text += f", from {sizes[small]:,} ({column.labels[small]}) to {sizes[large]:,} ({column.labels[large]}) lessons"
    else:
        low, middle, high = np.quantile(known, [0, 0.5, 1])
        text = f"{number(low)} to {number(high)}, median {number(middle)}{unit(column)}, "
        text += plural(len(np.unique(known)), "different value")
    return text + (f", {column.missing:,} missing" if column.missing else "")


def repeats_text(least: int, most: int) -> str:
    """Say how often a selected lesson comes.

    >>> repeats_text(0, 3)
    'never to 3 times'
    """
    if least == most:
        return times(least)
    return f"{least or 'never'} {'or' if most == least + 1 else 'to'} {times(most)}"


def stages_text(curriculum: Curriculum) -> str:
    """Say how many stages there are, and how many tiers a pass has where there are passes."""
    tiers = f" ({plural(curriculum.tiers_per_pass, 'tier')} a pass)" if curriculum.rule.get("mixture") is None else ""
    return f"{curriculum.counts['stages']}{tiers}"


def weights_text(weight: Scores) -> str:
    """Say what the weights are."""
    low, high = float(weight.min()), float(weight.max())
    return f"all {number(low)}" if low == high else f"{number(low)} to {number(high)}"


def ordering_text(curriculum: Curriculum) -> str:
    """Name the ordering with its settings, and say where it plays no part."""
    text = part_text(curriculum.rule["ordering"])
    return text if curriculum.rule.get("follows_order", True) else f"none: the mixture does not draw along {text}"


def order_text(curriculum: Curriculum) -> str:
    """Name the signal that the plan is ordered by."""
    order_by: str | None = curriculum.rule["order_by"]
    return curriculum.ordered_by or "no signal" + (f" ({order_by} is only recorded)" if order_by else "")


def check_pair(curriculum: Curriculum, signals: SignalTable) -> None:
    """Make sure that a curriculum and a signal table describe the same lessons."""
    if curriculum.lessons_fingerprint != signals.lessons_fingerprint:
        raise CheckpointMismatch(
            f"The curriculum belongs to the lessons {curriculum.lessons_fingerprint}, the signals to "
            f"{signals.lessons_fingerprint}; both must come from one plan. Give the signals.parquet that was written "
            "with this curriculum, or plan again."
        )
