from __future__ import annotations

import numpy as np
import pytest

from curricula.feedback import Feedback
from curricula.groups import Groups
from lessons.errors import ConfigError, DataError

GROUPS = Groups(np.array([0, 0, 1, 2]), ("a", "b", "c"))


def test_figures_by_group_come_in_the_order_of_the_groups() -> None:
    heard = Feedback(1, groups={"loss": {"b": 2.0, "a": 1.0}})
    np.testing.assert_array_equal(heard.by_group("loss", GROUPS), [1.0, 2.0, np.nan])


def test_lessons_are_averaged_over_their_group() -> None:
    heard = Feedback(1, places=np.array([0, 1, 3]), lessons={"loss": np.array([1.0, 3.0, 5.0])})
    np.testing.assert_array_equal(heard.by_group("loss", GROUPS), [2.0, np.nan, 5.0])


def test_what_was_not_measured_is_named_with_what_was() -> None:
    heard = Feedback(7, metrics={"accuracy": 0.5}, groups={"loss": {"a": 1.0}})
    assert heard.metric("accuracy") == 0.5
    with pytest.raises(
        ConfigError, match=r"listens for 'loss', which .* update 7 does not hold; it has: accuracy\. Let"
    ):
        heard.metric("loss")
    with pytest.raises(ConfigError, match=r"'spread' by group.*it has by group: loss; by lesson: none\. Let"):
        heard.by_group("spread", GROUPS)
    with pytest.raises(ConfigError, match=r"unknown group 'z'"):
        Feedback(1, groups={"loss": {"z": 1.0}}).by_group("loss", GROUPS)


def test_every_measured_lesson_needs_a_value() -> None:
    with pytest.raises(DataError, match=r"update 1 names 2 lessons and has 1 values of 'loss'"):
        Feedback(1, places=np.array([0, 1]), lessons={"loss": np.array([1.0])})


def test_a_figure_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match=r"update 7 gives 'loss' as nan, .*a number is needed.*learning rate"):
        Feedback(7, {"loss": float("nan")}).metric("loss")
