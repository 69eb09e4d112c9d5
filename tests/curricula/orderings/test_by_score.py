from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import EasyFirst, HardFirst
from lessons.errors import ConfigError, DataError

scores = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30).map(np.array)


@given(scores, st.integers(0, 99))
def test_easy_first_rises_and_hard_first_falls(values: np.ndarray, seed: int) -> None:
    rising = values[EasyFirst().order(values, np.random.default_rng(seed))]
    falling = values[HardFirst().order(values, np.random.default_rng(seed))]
    assert (np.diff(rising) >= 0).all()
    assert (np.diff(falling) <= 0).all()
    assert sorted(rising) == sorted(falling) == sorted(values)


@pytest.mark.parametrize("ordering", [EasyFirst, HardFirst])
def test_lessons_without_a_score_go_where_they_are_told(ordering: type[EasyFirst] | type[HardFirst]) -> None:
    values = np.array([0.5, np.nan, 0.1, np.nan])
    first = ordering(missing="first").order(values, np.random.default_rng(0))
    last = ordering(missing="last").order(values, np.random.default_rng(0))
    assert set(first[:2]) == set(last[2:]) == {1, 3}
    with pytest.raises(DataError, match="2 of 4 scores are missing"):
        ordering().order(values, np.random.default_rng(0))


@pytest.mark.parametrize("ordering", [EasyFirst, HardFirst])
def test_an_unknown_policy_is_refused_by_its_name(ordering: type[EasyFirst] | type[HardFirst]) -> None:
    with pytest.raises(ConfigError, match="missing='middle' is not known"):
        ordering(missing="middle").order(np.array([0.5]), np.random.default_rng(0))  # type: ignore[arg-type]
