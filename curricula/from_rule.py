"""From a plan on disk to what training follows: its entries, or the rule that hears the student, built again."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions
from curricula.curriculum import Curriculum
from curricula.mixtures.base import Mixture
from curricula.pool import Pool
from curricula.signal_table import SignalTable
from curricula.timetable import Planned, Procedural, Timetable
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["built", "lessons_of", "timetable_of"]


def lessons_of(curriculum: Curriculum, lessons: LessonSet, signals: SignalTable | None) -> Positions:
    """Return the lessons that may come up in training, as rising positions in `lessons`.

    Args:
        curriculum: The plan.
        lessons: The lessons it was made for.
        signals: Its signals.parquet; needed for a plan that hears the student.
    """
    if not hears(curriculum):
        return np.unique(curriculum.positions_in(lessons))
    curriculum.check(lessons)
    return np.flatnonzero(ranks(signals) >= 0)


def timetable_of(
    curriculum: Curriculum,
    lessons: LessonSet,
    signals: SignalTable | None,
    lessons_per_update: int,
    usable: npt.NDArray[np.bool_],
    delay: int = 0,
) -> Timetable:
    """Return what training follows; lessons that are not usable are left out.

    Args:
        curriculum: The plan.
        lessons: The lessons it was made for.
        signals: Its signals.parquet; needed for a plan that hears the student.
        lessons_per_update: Lessons of one update.
        usable: Whether each lesson can be trained on, [lessons].
        delay: Updates between the hearing and the first draw that heeds it.

    Raises:
        CheckpointMismatch: The plan was made for other lessons.
        ConfigError: The plan was made for another number of lessons an update.
    """
    positions = curriculum.positions_in(lessons)
    if not hears(curriculum):
        kept = usable[positions]
        views = None if curriculum.view is None else curriculum.view[kept].astype(np.int64)
        return Planned(
            positions[kept], curriculum.weight[kept], curriculum.stage[kept], lessons_per_update, views=views
        )
    planned_for = curriculum.rule["lessons_per_update"]
    if planned_for != lessons_per_update:
        raise ConfigError(
            f"This plan draws {planned_for} lessons an update, training wants {lessons_per_update}. The same number is "
            "needed, because the plan hears the student between updates. Set data.lessons_per_update to the plan's, or "
            "plan again."
        )
    order = ranks(signals)
    rows = np.flatnonzero((order >= 0) & usable)
    ordered, number = np.argsort(order[rows], kind="stable"), int(curriculum.rule.get("round", 0))
    pool = Pool(lessons, table_of(signals), rows, ordered, number)
    mixture = built(curriculum.rule["mixture"], Mixture)
    updates = -(-len(positions) // lessons_per_update)
    return Procedural(pool, mixture, updates, lessons_per_update, curriculum.seed, delay)


def hears(curriculum: Curriculum) -> bool:
    """Whether training computes the entries anew from the student's feedback."""
    return bool(curriculum.rule.get("hears"))


def table_of(signals: SignalTable | None) -> SignalTable:
    """Return the signals that a hearing plan needs.

    Raises:
        DataError: They are not there.
    """
    if signals is None:
        raise DataError(
            "This plan hears the student, so training needs its signals.parquet beside curriculum.parquet, and it is "
            "not there. Copy it there, or plan again."
        )
    return signals


def ranks(signals: SignalTable | None) -> npt.NDArray[np.int64]:
    """Return each lesson's place in the order that the mixture draws from; -1 for those left out, int64 [lessons]."""
    rank = table_of(signals).rank
    if rank is None:
        raise DataError(
            "This plan hears the student, but its signals.parquet holds no column 'rank', which says in which order "
            "the mixture draws. It belongs to another plan. Plan again."
        )
    return rank


def built(description: Mapping[str, Any], kind: type) -> Any:
    """Build a part again from its description (`curricula.description.describe`).

    Raises:
        ConfigError: The class is not there any more, is of another kind, or does not take these settings.
    """
    path = str(description["class_path"])
    module, _, name = path.rpartition(".")
    try:
        cls = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"The plan was made with {path}, which cannot be imported ({error}). Run where that class is to be found, "
            "or plan again."
        ) from error
    if not (isinstance(cls, type) and issubclass(cls, kind)):
        raise ConfigError(
            f"The plan was made with {path}, which is no {kind.__name__}. Only such classes are built from a plan. "
            "Plan again."
        )
    settings = {key: revived(value) for key, value in description["init_args"].items()}
    try:
        return cls(**settings)
    except TypeError as error:
        raise ConfigError(
            f"The plan was made with {path}, which no longer takes its settings ({error}). "
            "Plan again with this version."
        ) from error


def revived(value: Any) -> Any:
    """Turn a setting of a description back into what it describes."""
    if isinstance(value, Mapping):
        if value.keys() == {"class_path", "init_args"}:
            return built(value, object)
        return {key: revived(item) for key, item in value.items()}
    return [revived(item) for item in value] if isinstance(value, list) else value
