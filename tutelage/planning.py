"""Planning as a step: lessons in, a curriculum with its signals and its picture out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curricula import Curriculum, Mixture, Ordering, Selector, Signal, SignalTable, draw, plan, write_signals
from curricula.display import with_basics
from curricula.display.lettering import write_words
from lessons.errors import TutelageError
from lessons.lesson_set import LessonSet
from tutelage.settings import JSON, settings_of

__all__ = ["PICTURE", "PLAN_FILES", "PlanRule", "write_plan"]

log = logging.getLogger(__name__)

PICTURE = "curriculum.png"
PLAN_FILES = ("curriculum.parquet", "curriculum.json", "signals.parquet", PICTURE)


@dataclass(frozen=True)
class PlanRule:
    """How a plan is made: the arguments of `curricula.plan` without the lessons."""

    signals: Sequence[Signal]
    """What to measure about every lesson."""
    ordering: Ordering
    """How to order one pass."""
    order_by: str | None
    """Name of the signal to order by."""
    passes: float
    """How often to go through the lessons."""
    minimum_length: int
    """Least number of entries."""
    seed: int
    """Seed of everything random."""
    select: Sequence[Selector] = ()
    """Which lessons to leave out, step by step."""
    mixture: Mixture | None = None
    """Which lessons every update draws; None goes through the passes."""
    lessons_per_update: int | None = None
    """Lessons of one update, for a mixture."""
    round_number: int = 0
    """Number of the course's round, from 0, for shares of a mixture that change from round to round."""

    def settings(self) -> dict[str, JSON]:
        """Return what a finished step is compared by; parts that are not used are left out."""
        used: dict[str, JSON] = {
            "signals": settings_of(list(self.signals)),
            "ordering": settings_of(self.ordering),
            "order_by": self.order_by,
            "passes": self.passes,
            "minimum_length": self.minimum_length,
            "seed": self.seed,
        }
        if self.select:
            used["select"] = settings_of(list(self.select))
        if self.mixture is not None:
            used |= {"mixture": settings_of(self.mixture), "lessons_per_update": self.lessons_per_update}
        if self.mixture is not None and self.round_number:
            used["round_number"] = self.round_number
        return used


def write_plan(lessons: LessonSet, rule: PlanRule, folder: Path, title: str) -> dict[str, JSON]:
    """Plan, and write curriculum.parquet, curriculum.json, signals.parquet and curriculum.png into a folder.

    Given difficulty, topics and a length are measured also where the plan needs none of them: the picture shows them,
    and the report on reliability says what goes with length.

    Returns the plan's counts.
    """
    made = plan(
        lessons, rule.signals, rule.ordering, rule.order_by, rule.passes, rule.minimum_length, rule.seed, rule.select,
        rule.mixture, rule.lessons_per_update, rule.round_number,
    )  # fmt: skip
    made.curriculum.write(folder)
    measured = with_basics(made.signals, lessons)
    write_signals(folder / "signals.parquet", measured)
    picture(made.curriculum, measured, folder / PICTURE, title)
    return dict(made.curriculum.counts)


def picture(curriculum: Curriculum, signals: SignalTable, path: Path, title: str) -> None:
    """Draw the plan, or write why it cannot be drawn: a plan is not lost because a picture of it fails."""
    try:
        draw(curriculum, signals, path, title)
    except TutelageError:
        raise
    except Exception as error:  # matplotlib's failures are of many kinds
        log.warning("The picture of the plan could not be drawn.", exc_info=True)
        write_words(path, f"The picture of {title} could not be drawn: {type(error).__name__}: {error}")
