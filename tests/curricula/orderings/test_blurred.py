from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import EasyFirst, Shuffled
from curricula.orderings.blurred import Blurred
from lessons.errors import ConfigError


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0, 5), st.integers(0, 99))
def test_is_a_permutation_and_repeats_with_the_seed(scores: list[float], width: float, seed: int) -> None:
    ordering = Blurred(EasyFirst(), width)
    first = ordering.order(np.array(scores), np.random.default_rng(seed))
    assert sorted(first) == list(range(len(scores)))
    assert first.tolist() == ordering.order(np.array(scores), np.random.default_rng(seed)).tolist()


def test_width_zero_changes_nothing() -> None:
    scores = np.random.default_rng(0).random(500)
    blurred = Blurred(EasyFirst(), 0.0).order(scores, np.random.default_rng(3))
    assert blurred.tolist() == EasyFirst().order(scores, np.random.default_rng(3)).tolist()


def test_width_one_keeps_the_trend_and_mixes_every_batch() -> None:
    scores = np.arange(10_000) / 10_000
    drawn = scores[Blurred(EasyFirst(), 1.0).order(scores, np.random.default_rng(0))]
    tenths = drawn.reshape(10, -1)
    assert np.all(np.diff(tenths.mean(axis=1)) > 0)
    assert tenths[4].max() - tenths[4].min() > 0.5  # a strict order would span 0.1
    # The sum of two uniforms: the correlation of rank and key is 1 / sqrt(2).
    assert np.corrcoef(drawn, np.arange(10_000))[0, 1] == pytest.approx(0.707, abs=0.03)


def test_needs_scores_as_the_inner_ordering_does() -> None:
    assert Blurred(EasyFirst()).needs_scores
    assert not Blurred(Shuffled()).needs_scores


def test_a_negative_width_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"width=-1; allowed are numbers from 0 up"):
        Blurred(EasyFirst(), -1).order(np.zeros(3), np.random.default_rng(0))
