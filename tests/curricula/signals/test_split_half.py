from __future__ import annotations

import numpy as np
import pytest

from curricula.ranks import rank_correlation
from curricula.signals.split_half import split_half
from curricula.signals.tried import Tried
from lessons.errors import DataError


def tries(correct: list[list[bool]]) -> Tried:
    lesson = np.repeat(np.arange(len(correct)), [len(some) for some in correct])
    flat = np.array([one for some in correct for one in some], bool)
    return Tried(lesson, flat, flat.astype(float), np.zeros(len(flat), np.int64), len(correct))


def test_halves_agree_as_far_as_the_lessons_differ() -> None:
    generator = np.random.default_rng(7)  # not the one that cuts the halves
    clear = tries([[k % 2 == 0] * 8 for k in range(40)])
    assert split_half(clear) == (pytest.approx(1.0), pytest.approx(1.0), 40)
    chance = tries((generator.random((400, 8)) < 0.5).tolist())
    assert abs(split_half(chance).correlation) < 0.15
    rates = generator.random((400, 1))
    made = split_half(tries((generator.random((400, 8)) < rates).tolist()))
    assert made.reliability == pytest.approx(2 * made.correlation / (1 + made.correlation))
    whole = [(generator.random((400, 8)) < rates).mean(axis=1) for _ in range(2)]
    assert made.reliability == pytest.approx(rank_correlation(whole[0], whole[1]), abs=0.06)


def test_single_tries_have_no_halves() -> None:
    with pytest.raises(DataError, match=r"None of the 2 lessons has two tries.*the most has 1\. Evaluate with more"):
        split_half(tries([[True], [False]]))
    assert split_half(tries([[True], [False, False], [True, True]])).lessons == 2
