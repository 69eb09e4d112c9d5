from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from teachers.calls.token_shares import TokenShare


def test_everything_is_set_aside_before_anything_is_known() -> None:
    assert TokenShare().likely(500) == 500


def test_estimates_come_close_and_stay_above_the_mean() -> None:
    generator, share = random.Random(3), TokenShare()
    for _ in range(300):
        share.learn(generator.randint(80, 120), 1_000)
    assert 100 < share.likely(1_000) < 140


@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 1_000)), max_size=30), st.integers(0, 1_000))
def test_an_estimate_is_never_more_than_the_bound_nor_negative(calls: list[tuple[int, int]], most: int) -> None:
    share = TokenShare()
    for taken, bound in calls:
        share.learn(taken, bound)
    assert 0 <= share.likely(most) <= most
