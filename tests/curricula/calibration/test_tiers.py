from __future__ import annotations

import numpy as np
import pytest

from curricula.calibration import Cutoffs, EqualTiers
from lessons.errors import ConfigError


def test_a_value_at_a_cutoff_belongs_below() -> None:
    """MedQA's tiers of Ahn et al.: easy up to 0.66, medium up to 0.80."""
    assert Cutoffs([0.66, 0.80])(np.array([0.1, 0.66, 0.661, 0.8, 0.81, np.nan])).tolist()[:5] == [0, 0, 1, 1, 2]


def test_equal_tiers_keep_equal_values_together() -> None:
    made = EqualTiers(3)(np.array([1, 1, 1, 1, 2, 3.0]))
    assert made.tolist() == [0, 0, 0, 0, 1, 2]
    assert EqualTiers(9)(np.array([5.0, 7.0])).tolist() == [0, 1]


@pytest.mark.parametrize("cutoffs", [[], [1, 1], [2, 1], [float("nan")]])
def test_cutoffs_must_rise(cutoffs: list[float]) -> None:
    with pytest.raises(ConfigError, match=r"at least one number is needed, and each must be above the one before"):
        Cutoffs(cutoffs)(np.array([1.0]))


def test_no_tiers_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"EqualTiers got tiers=0; at least 1"):
        EqualTiers(0)(np.array([1.0]))
