from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.signals.clusters import Clusters
from lessons.errors import ConfigError


def test_bunches_become_clusters(make_lessons: Callable, drawn_vectors: Callable) -> None:
    vectors = np.repeat(np.eye(3), 20, axis=0) + 0.05 * np.random.default_rng(0).normal(size=(60, 3))
    column = Clusters(drawn_vectors(vectors), clusters=3, restarts=5).measure(make_lessons([0.5] * 60))
    assert column.labels == ("0", "1", "2")
    for bunch in range(3):
        assert len(set(column.values[20 * bunch : 20 * bunch + 20])) == 1
    assert len(set(column.values)) == 3
    again = Clusters(drawn_vectors(vectors), clusters=3, restarts=5).measure(make_lessons([0.5] * 60))
    assert again.values.tolist() == column.values.tolist()


def test_more_clusters_than_lessons_are_refused(make_lessons: Callable, drawn_vectors: Callable) -> None:
    with pytest.raises(ConfigError, match=r"clusters=3 for 2 lessons; allowed are 1 to as many"):
        Clusters(drawn_vectors(np.eye(2)), 3).measure(make_lessons([0.5] * 2))
