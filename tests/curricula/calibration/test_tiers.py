from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.calibration import Cutoffs, EqualTiers
from curricula.calibration.tiers import tier_ends
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


@given(st.lists(st.integers(1, 9), min_size=1, max_size=7), st.integers(1, 6))
def test_every_cut_is_the_nearest_to_its_goal_among_those_left(counts: list[int], tiers: int) -> None:
    ends = tier_ends(np.array(counts), tiers).tolist()
    tiers = min(tiers, len(counts))
    assert ends[-1] == len(counts)
    before = 0
    for tier, end in enumerate(ends[:-1], start=1):
        allowed = range(before + 1, len(counts) - (tiers - tier) + 1)
        distance = {cut: abs(sum(counts[:cut]) - sum(counts) * tier / tiers) for cut in allowed}
        assert distance[end] == pytest.approx(min(distance.values()))
        before = end
    assert all(a < b for a, b in itertools.pairwise([0, *ends]))
