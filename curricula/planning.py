"""Make a plan: measure the signals, select, and either put every pass in order or draw from one order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from curricula.arrays import Scores
from curricula.curriculum import Curriculum
from curricula.description import describe
from curricula.entries import all_passes, count, foreseen, one_pass
from curricula.mixtures.base import Mixture
from curricula.orderings.base import Ordering
from curricula.pool import Pool
from curricula.selection.base import Selector
from curricula.selection.chain import select as select_lessons
from curricula.signal_table import SignalTable, measure
from curricula.signals.base import Signal
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
    select: Sequence[Selector] = (),
    mixture: Mixture | None = None,
    lessons_per_update: int | None = None,
    round_number: int = 0,
) -> Plan:
    """Plan which lessons to learn, and in which order.

    The selectors leave lessons out, each from what the ones before it kept; the ordering orders what remains.

    Without a mixture every pass puts all selected lessons in order anew, with a generator of its own made from the seed
    and the pass's number. The passes follow one another; the last is cut. So every lesson comes equally often, or once
    more than another.

    With a mixture the lessons are put in order once, and the mixture draws the lessons of every update from that
    order. If it hears the student's feedback, the entries are what it would draw without any: training computes the
    true ones from the same rule.

    Args:
        lessons: What there is to learn.
        signals: What to measure about every lesson.
        ordering: How to order one pass.
        order_by: Name of the signal to order by. With an ordering that needs none it is only recorded, so that the
            picture of a control arm shows the same difficulty.
        passes: How often to go through the selected lessons; a fraction cuts the last pass. Note that a cut pass of a
            sorted order lacks its last (hardest or easiest) lessons. With a mixture: how many lessons to draw,
            as a multiple of those selected.
        minimum_length: Go on with further passes until the plan has at least this many entries, and cut there: gives a
            control arm as many updates as another arm.
        seed: Non-negative; the same seed gives the same plan.
        select: Which lessons to leave out, step by step.
        mixture: Which lessons every update draws; None goes through the passes.
        lessons_per_update: Lessons of one update, for a mixture; must be the trainer's.
        round_number: Number of the course's round, from 0, for shares that change from round to round.

    Raises:
        ConfigError: The settings contradict each other.
        DataError: There are no lessons, none is left, or the scores cannot be ordered by.
    """
    check_settings(len(lessons), passes, minimum_length, seed)
    table = measure(lessons, signals)
    if order_by is not None:
        table.column(order_by)
    pool, left_out = select_lessons(Pool.whole(lessons, table, round_number), select, seed)
    entries = max(round(len(pool) * passes), minimum_length, 1)
    scores = scores_for(pool, ordering, order_by)
    try:
        if mixture is None:
            made = all_passes(ordering, pool, scores, entries, seed)
        else:
            pool = pool.ordered(one_pass(ordering, pool, scores, np.random.default_rng([seed, 0])).order)
            made = foreseen(mixture, pool, entries, lessons_per_update, seed)
    except DataError as error:
        if order_by is None:
            raise
        raise DataError(f"Cannot order by {order_by!r}: {error}{missing_hint(table, order_by)}") from error
    rule = {
        "ordering": describe(ordering),
        "order_by": order_by,
        "needs_scores": ordering.needs_scores,
        "passes": passes,
        "minimum_length": minimum_length,
        "tiers_per_pass": made.tiers_per_pass,
        "signals": [describe(signal) for signal in signals],
        "select": [describe(selector) for selector in select],
        "mixture": describe(mixture) if mixture else None,
        "lessons_per_update": lessons_per_update if mixture else None,
        "hears": mixture is not None and mixture.hears,
        "follows_order": mixture is None or mixture.follows_order,
        "round": round_number,
    }
    curriculum = Curriculum(
        lesson_ids=pool.ids[made.places],
        stage=made.stages,
        weight=made.weights,
        score=scores[made.places],
        rule=rule,
        seed=seed,
        lessons_fingerprint=lessons.fingerprint,
        counts=count(made, len(pool), len(lessons)),
        view=made.views,
    )
    return Plan(curriculum, annotated(table, left_out if select else None, pool if mixture else None))


def check_settings(lessons: int, passes: float, minimum_length: int, seed: int) -> None:
    """Refuse settings that make no plan."""
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


def scores_for(pool: Pool, ordering: Ordering, order_by: str | None) -> Scores:
    """Return the scores to order by; all NaN when no signal was named and none is needed."""
    if order_by is not None:
        return pool.values(order_by)
    if ordering.needs_scores:
        raise ConfigError(
            f"{type(ordering).__name__} needs a signal to order by, and order_by is not set. Allowed are the plan's "
            f"signals: {', '.join(pool.table.columns) or 'none yet'}. Set order_by to one of them."
        )
    return np.full(len(pool), np.nan)


def annotated(table: SignalTable, left_out: Any, drawn_from: Pool | None) -> SignalTable:
    """Add to the signals what became of each lesson."""
    if drawn_from is None:
        return replace(table, left_out=left_out)
    rank = np.full(len(table), -1, np.int64)
    rank[drawn_from.rows[drawn_from.order]] = np.arange(len(drawn_from))
    return replace(table, left_out=left_out, rank=rank)


def missing_hint(table: SignalTable, order_by: str) -> str:
    """Say where the scores were read and which lesson lacks one first."""
    column = table.column(order_by)
    source = column.provenance.get("source")
    hint = f" {order_by!r} is {source}." if source else ""
    return hint + (
        f" First lesson without: {table.lesson_ids[np.isnan(column.values)][0]!r}." if column.missing else ""
    )
