from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import NeighbourAgreement
from lessons.errors import ConfigError


@given(st.integers(0, 999), st.integers(1, 6))
def test_it_is_the_share_of_the_nearest_with_the_same_label(
    numbers: Any, make_lessons: Callable[..., Any], drawn_vectors: Any, seed: int, neighbours: int
) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(12, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [None if generator.random() < 0.2 else int(generator.integers(3)) for _ in range(11)] + [0]
    labels[:7] = [label or 0 for label in labels[:7]]  # enough that have one
    signal = NeighbourAgreement(drawn_vectors(vectors), numbers(labels, "label", "abc"), neighbours)
    found = signal.measure(make_lessons([0.5] * 12)).values
    for row, label in enumerate(labels):
        others = [k for k in range(12) if k != row and labels[k] is not None]
        nearest = sorted(others, key=lambda k: -float(vectors[row] @ vectors[k]))[:neighbours]
        share = sum(labels[k] == label for k in nearest) / neighbours if label is not None else np.nan
        assert found[row] == pytest.approx(share, nan_ok=True)


def test_twins_are_not_counted_as_the_lesson_itself(
    numbers: Any, make_lessons: Callable[..., Any], drawn_vectors: Any
) -> None:
    twins = drawn_vectors(np.tile([1.0, 0.0], (30, 1)))
    found = NeighbourAgreement(twins, numbers([0] * 30, "label", "a"), 5).measure(make_lessons([0.5] * 30)).values
    assert found.tolist() == [1.0] * 30


def test_too_few_labels_are_refused(numbers: Any, make_lessons: Callable[..., Any], drawn_vectors: Any) -> None:
    vectors = drawn_vectors(np.eye(4))
    with pytest.raises(
        ConfigError, match=r"neighbours=15 and the label 'label', which names 2 categories of 4 lessons"
    ):
        NeighbourAgreement(vectors, numbers([0, 1, 0, 1], "label", "ab")).measure(make_lessons([0.5] * 4))
    with pytest.raises(ConfigError, match=r"which names 0 categories of 4 lessons"):
        NeighbourAgreement(vectors, numbers([0, 1, 0, 1]), 2).measure(make_lessons([0.5] * 4))
