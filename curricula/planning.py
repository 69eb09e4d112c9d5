"""Make a plan: measure the signals, put every pass in order, join the passes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from curricula.curriculum import Curriculum
from curricula.description import describe
from curricula.orderings.base import Ordering, Positions
from curricula.signal_table import SignalTable, measure
from curricula.signals.base import Scores, Signal
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["Plan", "plan"]


class Plan(NamedTuple):
    """What planning yields."""

    curriculum: Curriculum
    """The order of the lessons."""
    signals: SignalTable
    """What was measured about them."""


def plan(
    lessons: LessonSet,
    signals: Sequence[Signal],
    ordering: Ordering,
    order_by: str | None = None,
    passes: float = 1.0,
    minimum_length: int = 0,
    seed: int = 0,
) -> Plan:
    """Plan in which order to learn the lessons.

    Every pass puts all lessons in order anew, with a generator of its own made from the seed and the pass's number.
    The passes follow one another; the last is cut. So every lesson comes equally often, or once more than another.

    Args:
        lessons: What there is to learn.
        signals: What to measure about every lesson.
        ordering: How to order one pass.
        order_by: Name of the signal to order by. With an ordering that needs none it is only recorded, so that the
            picture of a control arm shows the same difficulty.
        passes: How often to go through the lessons; a fraction cuts the last pass. Note that a cut pass of a sorted
            order lacks its last (hardest or easiest) lessons.
        minimum_length: Go on with further passes until the plan has at least this many entries, and cut there: gives a
            control arm as many updates as another arm.
        seed: Non-negative; the same seed gives the same plan.

    Raises:
        ConfigError: The settings contradict each other.
        DataError: There are no lessons, or the scores cannot be ordered by.
    """
    entries = plan_length(len(lessons), passes, minimum_length, seed)
    table = measure(lessons, signals)
    scores = scores_for(table, ordering, order_by)
    try:
        tiers = ordering.tiers_of(scores)
        positions = all_passes(ordering, scores, entries, seed)
    except DataError as error:
        raise DataError(f"Cannot order by {order_by!r}: {error}{missing_hint(table, order_by)}") from error
    tiers_per_pass = int(tiers.max()) + 1
    stage = np.arange(entries) // len(lessons) * tiers_per_pass + tiers[positions]
    rule = {
        "ordering": describe(ordering),
        "order_by": order_by,
        "needs_scores": ordering.needs_scores,
        "passes": passes,
        "minimum_length": minimum_length,
        "tiers_per_pass": tiers_per_pass,
        "signals": [describe(signal) for signal in signals],
    }
    curriculum = Curriculum(
        lesson_ids=lessons.ids[positions],
        stage=stage.astype(np.int32),
        weight=np.ones(entries),
        score=scores[positions],
        rule=rule,
        seed=seed,
        lessons_fingerprint=lessons.fingerprint,
        counts=count(positions, len(lessons), stage),
    )
    return Plan(curriculum, table)


def plan_length(lessons: int, passes: float, minimum_length: int, seed: int) -> int:
    """Return the number of entries, at least 1, after checking the settings."""
    if not lessons:
        raise DataError(
            "There are no lessons to plan: 0 were given and at least 1 is needed. Check what was left out when the "
            "lessons were read (target, trusted_only), or annotate more prompts."
        )
    if not (math.isfinite(passes) and passes > 0):
        raise ConfigError(
            f"passes={passes}: a positive number is needed, such as 1 or 2.5. Correct the plan's setting."
        )
    if minimum_length < 0 or seed < 0:
        name, value = ("minimum_length", minimum_length) if minimum_length < 0 else ("seed", seed)
        raise ConfigError(f"{name}={value}: a whole number from 0 up is needed. Correct the plan's setting.")
    return max(round(lessons * passes), minimum_length, 1)


def scores_for(table: SignalTable, ordering: Ordering, order_by: str | None) -> Scores:
    """Return the scores to order by; all NaN when no signal was named and none is needed."""
    if order_by is not None:
        return table.scores(order_by)
    if ordering.needs_scores:
        raise ConfigError(
            f"{type(ordering).__name__} needs a signal to order by, and order_by is not set. Allowed are the plan's "
            f"signals: {', '.join(table.columns) or 'none yet'}. Set order_by to one of them."
        )
    return np.full(len(table), np.nan)


def all_passes(ordering: Ordering, scores: Scores, entries: int, seed: int) -> Positions:
    """Return the lessons' positions over all passes, int64 [entries]."""
    passes = math.ceil(entries / len(scores))
    orders = [one_pass(ordering, scores, np.random.default_rng([seed, number])) for number in range(passes)]
    return np.concatenate(orders)[:entries]


def one_pass(ordering: Ordering, scores: Scores, generator: np.random.Generator) -> Positions:
    """Order one pass and make sure that no lesson is lost, repeated or invented."""
    order = np.asarray(ordering.order(scores, generator), np.int64)
    seen = np.zeros(len(scores), bool)
    seen[order[(order >= 0) & (order < len(scores))]] = True
    if len(order) != len(scores) or not seen.all():
        raise ConfigError(
            f"{type(ordering).__name__}.order returned {len(order)} positions, {seen.sum()} different valid ones, "
            f"for {len(scores)} lessons; it must return each of 0 ... {len(scores) - 1} once. Correct it."
        )
    return order


def count(positions: Positions, lessons: int, stage: Positions) -> dict[str, int]:
    """Count what the plan holds."""
    repeats = np.bincount(positions, minlength=lessons)
    return {
        "lessons": lessons,
        "entries": len(positions),
        "stages": len(np.unique(stage)),
        "least_repeats": int(repeats.min()),
        "most_repeats": int(repeats.max()),
    }


def missing_hint(table: SignalTable, order_by: str | None) -> str:
    """Say where the scores were read and which lesson lacks one first."""
    if order_by is None:
        return ""
    column = table.column(order_by)
    source = column.provenance.get("source")
    hint = f" {order_by!r} is {source}." if source else ""
    return hint + (
        f" First lesson without: {table.lesson_ids[np.isnan(column.values)][0]!r}." if column.missing else ""
    )
