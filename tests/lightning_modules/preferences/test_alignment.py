from __future__ import annotations

import math

import pytest

from lightning_modules.preferences import AFT, Texts


def test_aft_compares_all_good_with_all_bad_texts_of_a_lesson(texts: Texts) -> None:
    good, bad = [-2.0, -1.5], [-1.5, -1.5]
    first = math.log(1 + sum(math.exp(n - p) for p in good for n in bad))
    losses, weights = AFT("none").units(texts)
    assert losses.tolist() == pytest.approx([first, math.log(1 + math.exp(-2.5 + 1.5))], rel=1e-12)
    assert weights.tolist() == [2.0, 0.5]
    low = -2.0 - 0.5
    pulls = sum(math.exp(2 * low - p - n) for p in good for n in bad)
    second = math.log(1 + math.exp(-1.0) + math.exp(2 * (-1.5 - 0.5) + 1.5 + 2.5))
    by_hand = [math.log(math.exp(first) + pulls), second]
    assert AFT("boundary", 0.5).units(texts).losses.tolist() == pytest.approx(by_hand, rel=1e-12)
