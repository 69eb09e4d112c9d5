from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curricula.display.shares import shares_along
from curricula.signals.base import Column

values = st.lists(st.one_of(st.integers(0, 4), st.just(float("nan"))), min_size=1, max_size=30)


@given(values, st.integers(1, 5), st.integers(1, 6))
def test_the_shares_are_those_of_a_count(codes: list[float], windows: int, most: int) -> None:
    column = Column(np.array(codes, np.float64), labels=tuple("abcde"))
    edges = np.unique(np.linspace(0, len(codes), windows + 1).astype(np.int64))
    made = shares_along(column, np.arange(len(codes)), edges, most)
    np.testing.assert_allclose(made.share.sum(axis=0), 1)
    for k, (start, stop) in enumerate(pairwise(edges)):
        for label, share in zip(made.labels, made.share[:, k], strict=True):
            if label != "others":
                assert share == sum(code == "abcde".index(label) for code in codes[start:stop]) / (stop - start)
    assert len(made.labels) <= most + 1


def test_the_largest_are_told_apart_in_their_own_order() -> None:
    column = Column(np.array([0, 1, 1, 2, 2, 2, np.nan]), labels=("x", "y", "z"))
    made = shares_along(column, np.arange(7), np.array([0, 7]), most=2)
    assert made.labels == ("y", "z", "others")
    np.testing.assert_allclose(made.share[:, 0], [2 / 7, 3 / 7, 2 / 7])
    assert shares_along(column, np.array([0, 0, 3]), np.array([0, 1, 3])).labels == ("x", "z")
