"""Planning as a step: lessons in, a curriculum with its signals and its picture out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from curricula import Ordering, Signal, draw, plan, write_signals
from lessons.lesson_set import LessonSet
from tutelage.settings import JSON

__all__ = ["PLAN_FILES", "write_plan"]

PLAN_FILES = ("curriculum.parquet", "curriculum.json", "signals.parquet", "curriculum.png")


def write_plan(
    lessons: LessonSet,
    signals: Sequence[Signal],
    ordering: Ordering,
    order_by: str | None,
    passes: float,
    minimum_length: int,
    seed: int,
    folder: Path,
    title: str,
) -> dict[str, JSON]:
    """Plan, and write curriculum.parquet, curriculum.json, signals.parquet and curriculum.png into a folder.

    See `curricula.plan` for the arguments. Returns the plan's counts.
    """
    made = plan(lessons, signals, ordering, order_by, passes, minimum_length, seed)
    made.curriculum.write(folder)
    write_signals(folder / "signals.parquet", made.signals)
    draw(made.curriculum, made.signals, folder / "curriculum.png", title)
    return dict(made.curriculum.counts)
