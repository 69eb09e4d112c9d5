"""What every plan shows where the data has it, whatever the plan itself measures."""

from __future__ import annotations

from dataclasses import replace

from curricula.display.reliability import is_length
from curricula.signal_table import SignalTable
from curricula.signals.base import Signal
from curricula.signals.category import Category
from curricula.signals.given import Given
from curricula.signals.length import Length
from lessons.lesson_set import LessonSet

__all__ = ["with_basics"]


def with_basics(signals: SignalTable, lessons: LessonSet) -> SignalTable:
    """Return the signals of a plan, and the given difficulty, the topic and a length where it has nothing like them."""
    measured, prompts = signals.columns.values(), lessons.prompts
    wanted: list[Signal] = []
    if all(column.labels or is_length(column) for column in measured) and known(lessons, "difficulty"):
        wanted.append(Given("difficulty"))
    if not any(column.labels for column in measured) and known(lessons, "topic"):
        wanted.append(Category("topic", missing=None if prompts["topic"].null_count == 0 else "no topic"))
    if not any(is_length(column) for column in measured):
        wanted.append(Length("question"))
    added = {signal.name: signal.measure(lessons) for signal in wanted if signal.name not in signals.columns}
    return replace(signals, columns={**signals.columns, **added})


def known(lessons: LessonSet, column: str) -> bool:
    """Return whether any prompt has a value in this column."""
    return bool(lessons.prompts[column].null_count < lessons.prompts.num_rows)
