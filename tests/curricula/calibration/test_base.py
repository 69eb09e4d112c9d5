from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import Signal
from curricula.calibration import Calibrated, Calibration, Cutoffs, EqualTiers, RankShare, StandardScore, UnitInterval
from lessons.errors import ConfigError, DataError

scales = st.sampled_from([RankShare(), StandardScore(), UnitInterval(), Cutoffs([0.0, 2.0]), EqualTiers(3)])
values = st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=20).filter(any)


@given(scale=scales, given_values=values)
def test_the_order_and_the_gaps_stay(scale: Calibration, given_values: list[float | None]) -> None:
    column = np.array([np.nan if value is None else value for value in given_values], np.float64)
    made = scale(column)
    assert np.isnan(made).tolist() == np.isnan(column).tolist()
    for i in np.flatnonzero(~np.isnan(column)):
        for j in np.flatnonzero(~np.isnan(column)):
            assert not column[i] <= column[j] or made[i] <= made[j]


def test_values_are_calibrated_inside_their_group(numbers: type, values_of: Callable[[Signal], list[float]]) -> None:
    scores, topics = numbers([1, 5, 2, 9, None]), numbers([0, 1, 0, 1, 2], "topic", "abc")
    assert values_of(Calibrated(scores, RankShare(), "rank", within=topics))[:4] == [0.5, 0.5, 1.0, 1.0]
    assert np.isnan(values_of(Calibrated(scores, RankShare(), "rank", within=topics))[4])
    assert values_of(Calibrated(scores, RankShare(), "rank"))[:4] == [0.25, 0.75, 0.5, 1.0]


def test_the_provenance_leads_back(make_lessons: Callable, numbers: type) -> None:
    column = Calibrated(numbers([1, 2]), RankShare(), "rank").measure(make_lessons([0.1, 0.2]))
    assert column.provenance["signal"]["init_args"]["calibration"]["class_path"].endswith("RankShare")
    assert column.provenance["from"]["signal"]["init_args"]["called"] == "numbers"


def test_what_has_no_scale_is_refused(numbers: type, values_of: Callable[[Signal], list[float]]) -> None:
    with pytest.raises(ConfigError, match=r"'topic' names categories \(a, b \.\.\.\), which have no scale"):
        values_of(Calibrated(numbers([0, 1], "topic", "ab"), RankShare(), "rank"))
    with pytest.raises(DataError, match=r"RankShare found no value among 2 lessons"):
        values_of(Calibrated(numbers([None, None]), RankShare(), "rank"))
