from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lightning_modules.preferences import ORPO, REDI, PairPreference, SimPO, Texts

MEANS = [(-2.0, -1.5), (-1.5, -1.5), (-1.5, -2.5)]  # mean log-probability of chosen and rejected, pair by pair
SUMS = [(-12.0, -30.0), (-7.5, -6.0), (-21.0, -40.0)]


def test_simpo(texts: Texts) -> None:
    by_hand = [math.log(1 + math.exp(-(2.5 * (c - r) - 1.5))) for c, r in MEANS]
    assert SimPO(2.5, 1.5).units(texts).losses.tolist() == pytest.approx(by_hand, rel=1e-12)


def test_orpo(texts: Texts) -> None:
    def odds(mean: float) -> float:
        return math.exp(mean) / (1 - math.exp(mean))

    by_hand = [0.25 * math.log(1 + odds(r) / odds(c)) for c, r in MEANS]
    assert ORPO(0.25).units(texts).losses.tolist() == pytest.approx(by_hand, rel=1e-12)
    assert ORPO().reward(texts)[:2].tolist() == pytest.approx([math.log(odds(-2.0)), math.log(odds(-1.5))])


def test_redi_divides_by_its_own_length_or_by_that_of_the_update(texts: Texts) -> None:
    by_hand = [-c + 0.8 * r for c, r in MEANS]
    assert REDI().units(texts).losses.tolist() == pytest.approx(by_hand, rel=1e-12)
    by_hand = [-c / 8 + 0.8 * r / 16 for c, r in SUMS]
    assert REDI(length="update").units(texts).losses.tolist() == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("preference", [SimPO(), ORPO(), REDI()])
def test_no_reference_plays_a_part(texts: Texts, preference: PairPreference) -> None:
    other = replace(texts, reference_log_probability=texts.reference_log_probability - 7)
    assert preference.units(other).losses.tolist() == preference.units(texts).losses.tolist()
