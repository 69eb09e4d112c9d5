"""A plan in words: a table for the terminal, and the reason why a lesson is where it is."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np

from curricula.curriculum import Curriculum
from curricula.ranks import rank_correlation
from curricula.signal_table import SignalTable
from curricula.signals.base import Column, Scores
from lessons.errors import CheckpointMismatch, DataError

__all__ = ["explain", "summarise"]


def summarise(curriculum: Curriculum, signals: SignalTable) -> list[tuple[str, str]]:
    """Return the plan's facts as rows of (what, value), for a table."""
    check_pair(curriculum, signals)
    counts, order_by = curriculum.counts, curriculum.rule["order_by"]
    least, most = counts["least_repeats"], counts["most_repeats"]
    rows = [
        ("lessons", f"{counts['lessons']:,}"),
        ("entries", f"{counts['entries']:,} ({counts['entries'] / curriculum.selected:.2f} passes)"),
        ("each lesson comes", times(least) if least == most else f"{least} or {times(most)}"),
        ("ordering", ordering_text(curriculum)),
        ("ordered by", order_text(curriculum)),
        ("stages", f"{counts['stages']} ({plural(curriculum.tiers_per_pass, 'tier')} a pass)"),
        ("weights", weights_text(curriculum.weight)),
    ]
    for name, column in signals.columns.items():
        rows.append((name, column_text(column)))
    if order_by is not None:
        for name, column in signals.columns.items():
            correlation = rank_correlation(signals.scores(order_by), column.values)
            if name != order_by and not np.isnan(correlation):
                rows.append((f"rank correlation of {order_by} with {name}", f"{correlation:+.2f}"))
    return [
        *rows,
        ("seed", str(curriculum.seed)),
        ("lessons fingerprint", curriculum.lessons_fingerprint[:16]),
        ("plan fingerprint", curriculum.fingerprint[:16]),
    ]


def explain(curriculum: Curriculum, signals: SignalTable, lesson_id: str) -> str:
    """Say why a lesson is where it is, or why it is not in the plan.

    Raises:
        DataError: There is no such lesson.
    """
    check_pair(curriculum, signals)
    rows = np.flatnonzero(signals.lesson_ids == lesson_id)
    if not len(rows):
        near = difflib.get_close_matches(lesson_id, signals.lesson_ids.tolist(), 3) or signals.lesson_ids[:3].tolist()
        raise DataError(
            f"There is no lesson {lesson_id!r} among the {len(signals)} of this plan; there are for example "
            f"{', '.join(map(repr, near))}. Correct the id; a prompt left out when the lessons were read has none."
        )
    row = int(rows[0])
    lines = [
        placement_text(curriculum, lesson_id),
        f"Rule: {ordering_text(curriculum)}, ordered by {order_text(curriculum)}; seed {curriculum.seed}.",
    ]
    order_by = curriculum.rule["order_by"]
    for name in sorted(signals.columns, key=lambda name: name != order_by):
        lines.append(f"{name}: {score_text(signals.columns[name], row)}")
    return "\n".join(lines)


def placement_text(curriculum: Curriculum, lesson_id: str) -> str:
    """Say where a lesson comes."""
    found = np.flatnonzero(curriculum.lesson_ids == lesson_id)
    entries, lessons = curriculum.counts["entries"], curriculum.selected
    if not len(found):
        return (
            f"Lesson {lesson_id!r} is not in the plan: the plan stops after {entries:,} entries "
            f"({entries / lessons:.2f} passes), and in the order of that cut pass it would come later."
        )
    places = []
    for position in found:
        place = f"{position + 1:,} of {entries:,} (pass {curriculum.pass_number[position] + 1}"
        if curriculum.tiers_per_pass > 1:
            place += f", tier {curriculum.tier[position] + 1} of {curriculum.tiers_per_pass}"
        places.append(place + ")")
    return f"Lesson {lesson_id!r} comes {times(len(found))}, at " + " and ".join(places) + "."


def score_text(column: Column, row: int) -> str:
    """Say how one lesson's value compares with the others'."""
    value, known = column.values[row], column.values[~np.isnan(column.values)]
    if np.isnan(value):
        return f"no value ({column.missing:,} of {len(column.values):,} lessons have none)."
    below, ties = float((known < value).mean()), int((known == value).sum()) - 1
    text = f"{number(value)}{unit(column)}, above {below:.0%} of the lessons with a value"
    return text + (f", tied with {plural(ties, 'other')} (ties are shuffled)." if ties else ".")


def column_text(column: Column) -> str:
    """Say how a signal's values spread."""
    known = column.values[~np.isnan(column.values)]
    if not len(known):
        return "no lesson has a value"
    low, middle, high = np.quantile(known, [0, 0.5, 1])
    text = f"{number(low)} to {number(high)}, median {number(middle)}{unit(column)}, "
    text += plural(len(np.unique(known)), "different value")
    return text + (f", {column.missing:,} missing" if column.missing else "")


def weights_text(weight: Scores) -> str:
    """Say what the weights are."""
    low, high = float(weight.min()), float(weight.max())
    return f"all {number(low)}" if low == high else f"{number(low)} to {number(high)}"


def ordering_text(curriculum: Curriculum) -> str:
    """Name the ordering with its settings."""
    return part_text(curriculum.rule["ordering"])


def part_text(part: dict[str, Any]) -> str:
    """Write the description of a part as a call.

    >>> part_text({"class_path": "curricula.Tiers", "init_args": {"tiers": 3, "missing": "error"}})
    "Tiers(tiers=3, missing='error')"
    """
    settings = [
        f"{name}={part_text(value) if isinstance(value, dict) and 'class_path' in value else repr(value)}"
        for name, value in part["init_args"].items()
    ]
    name: str = part["class_path"].rpartition(".")[2]
    return name + (f"({', '.join(settings)})" if settings else "")


def order_text(curriculum: Curriculum) -> str:
    """Name the signal that the plan is ordered by."""
    order_by: str | None = curriculum.rule["order_by"]
    if curriculum.rule["needs_scores"]:
        return str(order_by)
    return "no signal" + (f" ({order_by} is only recorded)" if order_by else "")


def check_pair(curriculum: Curriculum, signals: SignalTable) -> None:
    """Make sure that a curriculum and a signal table describe the same lessons."""
    if curriculum.lessons_fingerprint != signals.lessons_fingerprint:
        raise CheckpointMismatch(
            f"The curriculum belongs to the lessons {curriculum.lessons_fingerprint}, the signals to "
            f"{signals.lessons_fingerprint}; both must come from one plan. Give the signals.parquet that was written "
            "with this curriculum, or plan again."
        )


def number(value: float) -> str:
    """Write a number briefly."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def unit(column: Column) -> str:
    """Return the unit with a space before it, or nothing."""
    return f" {column.unit}" if column.unit else ""


def plural(count: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def times(count: int) -> str:
    """Write how often."""
    return "once" if count == 1 else f"{count} times"
