from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.groups import Groups
from curricula.signals.base import Column
from lessons.errors import ConfigError, DataError


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_the_groups_share_out_the_lessons(codes: list[int]) -> None:
    groups = Groups(np.array(codes), tuple("abcdef"))
    assert sorted(np.concatenate([groups.members(g) for g in range(6)])) == list(range(len(codes)))
    for g in range(6):
        assert groups.members(g).tolist() == [k for k, code in enumerate(codes) if code == g]
        assert groups.sizes[g] == codes.count(g)


def test_numbers_become_groups_from_low_to_high() -> None:
    groups = Groups.of("grade", Column(np.array([3.0, 0.5, 3.0])))
    assert (groups.labels, groups.codes.tolist()) == (("0.5", "3"), [1, 0, 1])


def test_a_lesson_without_a_group_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"1 of 2 lessons belong to no group: 'topic' has no value .* row 1\. .*`missing`"
    ):
        Groups.of("topic", Column(np.array([0.0, np.nan]), labels=("a",)))


def test_settings_by_group_must_name_the_groups() -> None:
    groups = Groups(np.array([0, 1]), ("a", "b"))
    assert groups.vector({"b": 2.0}, "weights", default=1.0).tolist() == [1.0, 2.0]
    with pytest.raises(ConfigError, match=r"weights names the unknown group 'c'\. The groups are: a, b\. Correct"):
        groups.vector({"c": 2.0}, "weights", default=1.0)
    with pytest.raises(ConfigError, match=r"weights does not name the group 'b'"):
        groups.vector({"a": 2.0}, "weights")
