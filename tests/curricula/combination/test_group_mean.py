from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import GroupMean
from lessons.errors import ConfigError

VALUES = st.none() | st.floats(-5, 5)
GROUPS = st.none() | st.integers(0, 2)


@given(st.lists(st.tuples(VALUES, GROUPS), min_size=1, max_size=15))
def test_every_lesson_gets_its_groups_mean(numbers: Any, make_lessons: Callable[..., Any], rows: list[Any]) -> None:
    values, groups = zip(*rows, strict=True)
    signal = GroupMean(numbers(values), numbers(groups, "group", "abc"))
    found = signal.measure(make_lessons([0.5] * len(rows))).values
    for group, value in zip(groups, found, strict=True):
        known = [v for v, g in rows if g == group and v is not None]
        expected = sum(known) / len(known) if known and group is not None else float("nan")
        assert value == pytest.approx(expected, nan_ok=True)


def test_numbers_are_no_groups(numbers: Any, make_lessons: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match=r"GroupMean got 'numbers' for its groups, a signal of numbers"):
        GroupMean(numbers([1, 2]), numbers([0, 1])).measure(make_lessons([0.5] * 2))
