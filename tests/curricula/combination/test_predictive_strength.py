from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import PredictiveStrength
from lessons.errors import ConfigError


@given(st.integers(0, 999), st.integers(2, 5))
def test_it_is_the_share_of_pairs_in_the_benchmarks_order(
    numbers: Any, make_lessons: Callable[..., Any], seed: int, models: int
) -> None:
    generator = np.random.default_rng(seed)
    losses, scores = generator.integers(0, 4, (models, 6)).astype(float), generator.permutation(models).tolist()
    signals = [numbers(row.tolist(), f"loss {k}") for k, row in enumerate(losses)]
    found = PredictiveStrength(signals, scores).measure(make_lessons([0.5] * 6)).values
    for lesson, value in enumerate(found):
        agreeing = 0.0
        pairs = [(i, j) for i, j in itertools.permutations(range(models), 2) if scores[i] > scores[j]]
        for better, worse in pairs:
            left, right = losses[better, lesson], losses[worse, lesson]
            agreeing += 1.0 if left < right else 0.5 if left == right else 0.0
        assert value == pytest.approx(agreeing / len(pairs))
        assert 0 <= value <= 1


def test_the_best_text_ranks_models_as_the_benchmark_does(numbers: Any, make_lessons: Callable[..., Any]) -> None:
    weak, strong = numbers([2.0, 1.0, 1.0, None], "weak"), numbers([1.0, 2.0, 1.0, 1.0], "strong")
    found = PredictiveStrength([weak, strong], [0.3, 0.7]).measure(make_lessons([0.5] * 4))
    assert found.values.tolist() == pytest.approx([1.0, 0.0, 0.5, np.nan], nan_ok=True)
    with pytest.raises(
        ConfigError, match=r"got 2 signals of losses and the scores \[0\.5, 0\.5\].*at least two that d"
    ):
        PredictiveStrength([weak, strong], [0.5, 0.5]).measure(make_lessons([0.5] * 4))
