"""Plain sentences on what an exam shows, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence

from lessons.report_card import Cell, ReportCard

__all__ = ["percent", "verdict", "verdicts"]


def percent(share: float) -> str:
    """Write a share as a percentage with one decimal.

    >>> percent(0.5)
    '50.0%'
    """
    return f"{100 * share:.1f}%"


def marks(cell: Cell) -> str:
    """Write a cell as "12 of 40 (30.0%, 95% interval 18.1% to 45.4%)"."""
    interval = f"95% interval {percent(cell.low)} to {percent(cell.high)}"
    return f"{cell.correct} of {cell.total} ({percent(cell.accuracy)}, {interval})"


def verdict(one: ReportCard, other: ReportCard) -> str:
    """Compare two exams by their intervals.

    Intervals that do not touch show a difference; intervals that overlap show none, which is not the same as showing
    that there is none.
    """
    a, b = one.overall, other.overall
    better, worse = (one, other) if a.accuracy >= b.accuracy else (other, one)
    numbers = f"{one.author} {marks(a)}; {other.author} {marks(b)}"
    if better.overall.low > worse.overall.high:
        points = 100 * (better.overall.accuracy - worse.overall.accuracy)
        return (
            f"{better.author} is better than {worse.author} by {points:.1f} percentage points: "
            f"the intervals do not touch. {numbers}."
        )
    return f"No difference shown between {one.author} and {other.author}: the intervals overlap. {numbers}."


def verdicts(arms: Sequence[ReportCard], base: ReportCard | None = None) -> tuple[str, ...]:
    """Compare every arm with the first, and each with the base model where it sat the exam."""
    pairs = [(arm, arms[0]) for arm in arms[1:]]
    if base is not None:
        pairs += [(arm, base) for arm in arms]
    return tuple(verdict(one, other) for one, other in pairs)
