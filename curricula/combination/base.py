"""What combinations share: several signals side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from curricula.arrays import Scores
from curricula.signals.base import Signal
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["numbers", "side_by_side"]


def numbers(part: object, signal: Signal, lessons: LessonSet) -> Scores:
    """Measure one signal of numbers, float64 [lessons].

    Raises:
        ConfigError: It names categories.
    """
    column = signal.measure(lessons)
    if column.labels:
        raise ConfigError(
            f"{type(part).__name__} got the signal {signal.name!r}, which names categories "
            f"({', '.join(column.labels[:3])} ...); only signals of numbers can be combined. Give another one."
        )
    return column.values


def side_by_side(part: object, signals: Sequence[Signal], lessons: LessonSet) -> tuple[Scores, dict[str, Any]]:
    """Measure several signals; return their values, float64 [lessons, signals], and the provenance of the whole.

    Raises:
        ConfigError: There is none, or one of them names categories.
    """
    if not signals:
        raise ConfigError(
            f"{type(part).__name__} got no signals to combine; at least one is needed. Fill in its `signals`."
        )
    values = np.column_stack([numbers(part, signal, lessons) for signal in signals])
    return values, {"from": [signal.name for signal in signals]}
