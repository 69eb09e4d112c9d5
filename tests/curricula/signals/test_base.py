from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula import Column, Length, Signal
from lessons.errors import DataError
from lessons.lesson_set import LessonSet


class Short(Signal):
    """Gives one value too few."""

    @property
    def name(self) -> str:
        return "short"

    def compute(self, lessons: LessonSet) -> Column:
        return Column(np.zeros(len(lessons) - 1))


def test_measured_columns_say_what_made_them(make_lessons: Callable[..., LessonSet]) -> None:
    column = Length("rationale", "words").measure(make_lessons([0.1]))
    assert column.provenance["signal"] == {
        "class_path": "curricula.Length",
        "init_args": {"of": "rationale", "unit": "words"},
    }
    assert column.provenance["version"] == 1
    assert column.unit == "words"


def test_a_column_of_another_length_is_refused(make_lessons: Callable[..., LessonSet]) -> None:
    with pytest.raises(DataError, match=r"'short' gave 1 values for 2 lessons; .* Correct Short\.compute"):
        Short().measure(make_lessons([0.1, 0.2]))


def test_infinite_values_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 infinite values, the first at row 1; .* Leave the value missing"):
        Column(np.array([0.0, np.inf]))


def test_values_of_another_type_or_shape_are_refused() -> None:
    with pytest.raises(DataError, match=r"int64 of shape \[2\]; they must be float64, one per lesson"):
        Column(np.array([0, 1]))
    with pytest.raises(DataError, match=r"float64 of shape \[2, 1\]"):
        Column(np.zeros((2, 1)))


def test_missing_values_are_counted() -> None:
    assert Column(np.array([0.0, np.nan, np.nan])).missing == 2
