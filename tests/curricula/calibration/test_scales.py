from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from curricula.calibration import RankShare, StandardScore, UnitInterval

columns = st.lists(st.integers(-9, 9), min_size=2, max_size=30).map(lambda values: np.array(values, np.float64))


@given(columns)
def test_ranks_and_standard_scores_agree_with_scipy(values: np.ndarray) -> None:
    np.testing.assert_allclose(RankShare().calibrate(values), scipy.stats.rankdata(values) / len(values))
    if values.std():
        np.testing.assert_allclose(StandardScore().calibrate(values), scipy.stats.zscore(values), atol=1e-12)
        stretched = UnitInterval().calibrate(values)
        assert (stretched.min(), stretched.max()) == (0.0, 1.0)


@pytest.mark.parametrize("scale", [StandardScore(), UnitInterval()])
def test_equal_values_are_all_zero(scale: StandardScore | UnitInterval) -> None:
    assert scale.calibrate(np.full(3, 0.7)).tolist() == [0, 0, 0]
