from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.feedback import Feedback
from curricula.mixtures import BestHeard
from curricula.mixtures.base import Moment
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError

Make = Callable[..., Pool]


def heard(places: list[int], values: list[float], update: int = 1) -> Feedback:
    return Feedback(update, places=np.array(places), lessons={"error_norm": np.array(values)})


def drawn_from(mixture: BestHeard, pool: Pool, state: State) -> set[int]:
    return {int(k) for update in range(40) for k in mixture.draw(pool, state, Moment(update, 40, 4, 0)).places}


def test_only_the_top_share_of_what_was_heard_is_drawn(make_pool: Make) -> None:
    pool, mixture = make_pool(score=[0.5] * 8), BestHeard(share=0.5)
    state = mixture.start(pool)
    assert drawn_from(mixture, pool, state) == set(range(8))
    state = mixture.hear(pool, state, heard(list(range(8)), [1, 9, 2, 8, 3, 7, 4, 6]))
    assert drawn_from(mixture, pool, state) == {1, 3, 5, 7}
    state = mixture.hear(pool, state, heard([0, 1], [10, 0], 2))
    assert drawn_from(mixture, pool, state) == {0, 3, 5, 7}
    lowest = BestHeard(share=0.25, which="lowest")
    assert drawn_from(lowest, pool, state) == {1, 2}


@given(st.lists(st.integers(0, 4) | st.none(), min_size=1, max_size=30), st.floats(0.01, 1), st.booleans())
def test_the_top_is_what_sorting_would_give(values: list[int | None], share: float, highest: bool) -> None:
    figures = np.array([np.nan if value is None else value for value in values])
    mixture = BestHeard(share=share, which="highest" if highest else "lowest")
    order = sorted(range(len(values)), key=lambda k: -math.inf if values[k] is None else (-1) ** highest * values[k])
    assert mixture.top(figures, heard=True).tolist() == sorted(order[: max(1, round(share * len(values)))])


def test_lessons_not_heard_of_come_first_and_means_run(make_pool: Make) -> None:
    pool, mixture = make_pool(score=[0.5] * 4), BestHeard(share=0.5, keep=0.75)
    state = mixture.hear(pool, mixture.start(pool), heard([0, 1, 2], [1.0, 2.0, np.nan]))
    assert drawn_from(mixture, pool, state) == {2, 3}
    state = mixture.hear(pool, state, heard([0], [5.0], 2))
    np.testing.assert_array_equal(state["figures"], [2.0, 2.0, np.nan, np.nan])


def test_figures_that_were_not_measured_are_named(make_pool: Make) -> None:
    pool = make_pool(score=[0.5])
    with pytest.raises(
        ConfigError, match=r"listens for 'error_norm' by lesson, .* update 3 does not hold; it has: none"
    ):
        BestHeard().hear(pool, BestHeard().start(pool), Feedback(3))
    with pytest.raises(ConfigError, match=r"share=0, keep=0\.0 and which='highest'; allowed are a share above 0"):
        BestHeard(share=0).start(pool)
