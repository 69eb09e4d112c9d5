from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from curricula.feedback import Feedback
from curricula.mixtures import GroupGap
from curricula.mixtures.base import Moment
from curricula.pool import Pool
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]
TOPICS = ["a"] * 10 + ["b"] * 10 + ["c"] * 20


def heard(update: int, **gaps: float) -> Feedback:
    return Feedback(update, groups={"gap": gaps})


def test_the_weights_are_multiplied_by_the_gaps(make_pool: Make) -> None:
    """w_j <- w_j s_j / sum(s): 1/4, 1/4, 1/2 times 1, 2, 1, then times 2, 0.5, 0."""
    pool, mixture = make_pool(topic=TOPICS), GroupGap("topic")
    state = mixture.start(pool)
    np.testing.assert_allclose(state["shares"], [0.25, 0.25, 0.5])
    state = mixture.hear(pool, state, heard(1, a=1.0, b=2.0, c=1.0))
    np.testing.assert_allclose(state["shares"], [0.2, 0.4, 0.4])
    state = mixture.hear(pool, state, heard(2, a=2.0, b=0.5, c=0.0))
    np.testing.assert_allclose(state["shares"], [2 / 3, 1 / 3, 0])
    drawn = mixture.draw(pool, state, Moment(0, 1, 12, 0)).places
    assert Counter(TOPICS[k] for k in drawn) == {"a": 8, "b": 4}
    kept = GroupGap("topic", floor=0.5).draw(pool, state, Moment(0, 1, 24, 0)).places
    assert Counter(TOPICS[k] for k in kept) == {"a": 11, "b": 7, "c": 6}


def test_a_group_that_was_not_measured_gets_the_mean(make_pool: Make) -> None:
    pool, mixture = make_pool(topic=TOPICS), GroupGap("topic", opposite=True, start_with="equal")
    state = mixture.hear(pool, mixture.start(pool), heard(1, a=0.9, b=0.5))
    np.testing.assert_allclose(state["shares"], np.array([0.1, 0.5, 0.3]) / 0.9)


def test_gaps_below_zero_and_no_gaps_at_all_are_refused(make_pool: Make) -> None:
    pool, mixture = make_pool(topic=TOPICS), GroupGap("topic")
    with pytest.raises(DataError, match=r"update 3 gives the groups of 'topic' gaps from -1 to 2; none may be below 0"):
        mixture.hear(pool, mixture.start(pool), heard(3, a=-1.0, b=2.0, c=1.0))
    with pytest.raises(DataError, match=r"gaps from 0 to 0; .*nothing is left to learn"):
        mixture.hear(pool, mixture.start(pool), heard(3, a=0.0, b=0.0, c=0.0))
    with pytest.raises(ConfigError, match=r"floor=2 and start_with='proportional'; the floor must lie in"):
        GroupGap("topic", floor=2).start(pool)
