from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.feedback import Feedback
from curricula.mixtures import SelfPaced
from curricula.mixtures.base import Moment
from curricula.pacing import Glide, Steady
from curricula.pool import Pool
from lessons.errors import ConfigError

Make = Callable[..., Pool]
FIGURES = st.lists(st.none() | st.integers(0, 5), min_size=1, max_size=12)


def heard(values: list[float | None]) -> Feedback:
    figures = np.array([np.nan if value is None else value for value in values], np.float64)
    return Feedback(1, places=np.arange(len(values)), lessons={"loss": figures})


def moments(count: int, updates: int = 60) -> list[Moment]:
    return [Moment(update, updates, count, 0) for update in range(updates)]


@given(values=FIGURES, weight=st.floats(0, 1), seed=st.integers(0, 9))
def test_the_order_is_the_weighted_mean_of_two_ranks(
    make_pool: Make, values: list[float | None], weight: float, seed: int
) -> None:
    size = len(values)
    order = np.random.default_rng(seed).permutation(size)
    pool, mixture = make_pool(score=[0.5] * size).ordered(order), SelfPaced(Steady(), heard_weight=weight)
    state = mixture.hear(pool, mixture.start(pool), heard(values))
    known = [value for value in values if value is not None]

    def difficulty(place: int) -> float:
        planned, value = (order.tolist().index(place) + 1) / size, values[place]
        if value is None:
            return planned
        below, same = sum(v < value for v in known), known.count(value)
        return (1 - weight) * planned + weight * (below + (same + 1) / 2) / len(known)

    found = [difficulty(place) for place in mixture.order(pool, state["figures"]).tolist()]
    assert found == pytest.approx(sorted(found))


def test_only_what_is_easiest_by_now_is_open(make_pool: Make) -> None:
    pool, mixture = make_pool(score=[0.5] * 8), SelfPaced(Steady(0.5), heard_weight=1.0)
    state = mixture.start(pool)
    drawn = {int(k) for moment in moments(2) for k in mixture.draw(pool, state, moment).places}
    assert drawn == {0, 1, 2, 3}  # nothing heard: the plan's order
    state = mixture.hear(pool, state, heard([7, 0, 6, 1, 5, 2, 4, 3]))
    drawn = {int(k) for moment in moments(2) for k in mixture.draw(pool, state, moment).places}
    assert drawn == {1, 3, 5, 7}


def test_the_pool_grows_with_the_pacing(make_pool: Make) -> None:
    pool, mixture = make_pool(score=[0.5] * 40), SelfPaced(Glide(0.1, 1.0))
    reached = [mixture.draw(pool, mixture.start(pool), moment).places.max() for moment in moments(4, 20)]
    assert all(place < math.ceil((0.1 + 0.9 * k / 20) * 40) for k, place in enumerate(reached))
    assert max(reached) > 30


@pytest.mark.parametrize(("power", "expected"), [(1.0, [1 / 2, 1 / 2]), (0.0, [4 / 5, 1 / 5]), (0.5, [2 / 3, 1 / 3])])
def test_rare_groups_get_more_than_their_size(make_pool: Make, power: float, expected: list[float]) -> None:
    pool = make_pool(kind=["common"] * 16 + ["rare"] * 4 + ["closed"] * 20)
    mixture = SelfPaced(Steady(0.5), balance="kind", balance_power=power)
    drawn = np.concatenate([mixture.draw(pool, mixture.start(pool), moment).places for moment in moments(6, 200)])
    assert drawn.max() < 20
    found = [(drawn < 16).mean(), (drawn >= 16).mean()]
    assert found == pytest.approx(expected, abs=0.03)
    assert np.bincount(drawn[drawn < 16]).max() < 2 * np.bincount(drawn[drawn < 16]).min()


def test_what_it_cannot_do_is_refused(make_pool: Make) -> None:
    pool = make_pool(score=[0.5])
    with pytest.raises(ConfigError, match=r"SelfPaced got heard_weight=1\.5 and balance_power=1\.0; allowed are"):
        SelfPaced(Steady(), heard_weight=1.5).start(pool)
    with pytest.raises(
        ConfigError, match=r"The plan listens for 'loss' by lesson, .* update 4 does not hold; it has: n"
    ):
        SelfPaced(Steady()).hear(pool, SelfPaced(Steady()).start(pool), Feedback(4))
