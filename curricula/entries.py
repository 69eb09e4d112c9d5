"""The entries of a plan: passes through an order, or what a mixture draws."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions, Scores
from curricula.mixtures.base import Mixture
from curricula.orderings.base import Arrangement, Ordering
from curricula.pool import Pool
from curricula.timetable import Procedural
from lessons.errors import ConfigError

__all__ = ["Entries", "all_passes", "count", "foreseen", "one_pass"]


class Entries(NamedTuple):
    """The lessons of a plan, one after the other."""

    places: Positions
    """Place in the pool of each entry, int64 [entries]."""
    weights: Scores
    """Factor of each entry's loss, float64 [entries]."""
    stages: npt.NDArray[np.int32]
    """Stage of each entry, never falling, int32 [entries]."""
    tiers_per_pass: int = 1
    """How many stages one pass has."""
    views: npt.NDArray[np.int32] | None = None
    """In which view each entry is shown, int32 [entries]; None where nothing chooses."""


def all_passes(ordering: Ordering, pool: Pool, scores: Scores, entries: int, seed: int) -> Entries:
    """Put every pass in order and join them."""
    places, tier = np.empty(entries, np.int64), np.empty(entries, np.int32)
    tiers = 1
    for number, start in enumerate(range(0, entries, len(pool))):
        arranged = one_pass(ordering, pool, scores, np.random.default_rng([seed, number]))
        stop = min(start + len(pool), entries)
        places[start:stop], tier[start:stop] = arranged.order[: stop - start], arranged.stage[: stop - start]
        tiers = max(tiers, int(arranged.stage[-1]) + 1)
    stages = np.repeat(np.arange(-(-entries // len(pool)), dtype=np.int32), len(pool))[:entries]
    stages *= np.int32(tiers)
    stages += tier
    return Entries(places, np.broadcast_to(1.0, entries), stages, tiers)  # one number in memory for all entries


def one_pass(ordering: Ordering, pool: Pool, scores: Scores, generator: np.random.Generator) -> Arrangement:
    """Order one pass and make sure that no lesson is lost, repeated or invented."""
    arranged = ordering.arrange(pool, scores, generator)
    order = arranged.order
    seen = np.zeros(len(pool), bool)
    seen[order[(order >= 0) & (order < len(pool))]] = True
    if len(order) != len(pool) or not seen.all():
        raise ConfigError(
            f"{type(ordering).__name__}.order returned {len(order)} positions, {seen.sum()} different valid ones, "
            f"for {len(pool)} lessons; it must return each of 0 ... {len(pool) - 1} once. Correct it."
        )
    return arranged


def foreseen(mixture: Mixture, pool: Pool, entries: int, lessons_per_update: int | None, seed: int) -> Entries:
    """Draw every update, without any feedback."""
    if lessons_per_update is None or lessons_per_update < 1:
        raise ConfigError(
            f"{type(mixture).__name__} draws the lessons of one update at a time, and lessons_per_update is "
            f"{lessons_per_update}; a whole number from 1 up is needed. Set it to the training's lessons_per_update."
        )
    updates = -(-entries // lessons_per_update)
    timetable = Procedural(pool, mixture, updates, lessons_per_update, seed)
    places = np.empty((updates, lessons_per_update), np.int64)
    weights, stages = np.empty(places.shape), np.empty(updates, np.int64)
    views: list[Positions] = []
    for update in range(updates):
        drawn = timetable.draw_places(update)
        places[update], weights[update], stages[update] = drawn.places, drawn.weights, drawn.stage
        views += [] if drawn.views is None else [drawn.views]
    shown = np.concatenate(views).astype(np.int32) if views else None
    stage = np.repeat(stages.astype(np.int32), lessons_per_update)
    return Entries(places.ravel(), weights.ravel(), stage, views=shown)


def count(made: Entries, selected: int, lessons: int) -> dict[str, int]:
    """Count what the plan holds; the repeats are those of the selected lessons."""
    repeats = np.bincount(made.places, minlength=selected)
    return {
        "lessons": lessons,
        "selected": selected,
        "entries": len(made.places),
        "stages": int((np.diff(made.stages) != 0).sum()) + 1,
        "least_repeats": int(repeats.min()),
        "most_repeats": int(repeats.max()),
    }
