from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula.feedback import Feedback
from curricula.mixtures import LearningProgress, Mixture, Thompson, UpperConfidence
from curricula.mixtures.base import Moment
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]
TOPICS = list("abc") * 8


def topics_of(mixture: Mixture, pool: Pool, state: State, count: int = 6, update: int = 0) -> dict[str, int]:
    return dict(Counter(TOPICS[k] for k in mixture.draw(pool, state, Moment(update, 9, count, 0)).places))


def told(mixture: Mixture, pool: Pool, figures: list[dict[str, float]], name: str) -> State:
    state = mixture.start(pool)
    for update, values in enumerate(figures):
        state = mixture.hear(pool, state, Feedback(update, groups={name: values}))
    return state


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 6), st.floats(0, 2)), min_size=3, max_size=3), st.floats(0, 2))
def test_the_group_with_the_highest_bound_is_chosen(
    make_pool: Make, heard: list[tuple[int, float]], width: float
) -> None:
    """argmax over g of mean_g + alpha sqrt(2 ln(sum n) / n_g)."""
    total = sum(count for count, _ in heard)
    bounds = {
        topic: mean + width * math.sqrt(2 * math.log(total) / count)
        for topic, (count, mean) in zip("abc", heard, strict=True)
    }
    pool = make_pool(topic=TOPICS)
    state = {
        "heard": np.array([count for count, _ in heard], float),
        "sum": np.array([count * mean for count, mean in heard]),
    }
    (chosen,) = topics_of(UpperConfidence("topic", width=width), pool, state)
    assert bounds[chosen] == pytest.approx(max(bounds.values()))


def test_worked_numbers(make_pool: Make) -> None:
    """Heard 4, 1, 1 times with means 0.6, 0.5, 0.1, alpha 0.5: bounds 1.0733, 1.4465, 1.0465: b, then a."""
    pool = make_pool(topic=TOPICS)
    figures = [{"a": 0.6, "b": 0.5, "c": 0.1}] + [{"a": 0.6}] * 3
    state = told(UpperConfidence("topic"), pool, figures, "variation")
    assert state["heard"].tolist() == [4, 1, 1]
    np.testing.assert_allclose(0.6 + 0.5 * math.sqrt(2 * math.log(6) / 4), 1.0733, atol=1e-4)
    assert topics_of(UpperConfidence("topic", width=0.5), pool, state) == {"b": 6}
    # with three choices: b; then of b (n=2) 0.5 + 0.5 sqrt(ln 7) = 1.1975; then of b (n=3) 1.0887, a 1.1099, c 1.1197
    assert topics_of(UpperConfidence("topic", width=0.5, choices=3), pool, state) == {"b": 4, "c": 2}


def test_groups_never_heard_of_come_first(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS)
    state = told(UpperConfidence("topic"), pool, [{"a": 9.0, "b": 9.0}], "variation")
    assert topics_of(UpperConfidence("topic"), pool, state) == {"c": 6}
    fresh = UpperConfidence("topic", choices=3)
    assert topics_of(fresh, pool, fresh.start(pool)) == {"a": 2, "b": 2, "c": 2}


def test_a_group_without_lessons_is_never_chosen(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS).subset(np.array([0, 1, 3, 4]))
    mixture = Thompson("topic", choices=6)
    assert set(mixture.draw(pool, mixture.start(pool), Moment(0, 1, 6, 0)).places) <= {0, 1, 2, 3}
    bound = UpperConfidence("topic", choices=6)
    assert len(bound.draw(pool, bound.start(pool), Moment(0, 1, 6, 0)).places) == 6


def test_thompson_believes_what_it_heard(make_pool: Make) -> None:
    """After n figures of mean m, the belief is N((prior + n m) / (1 + n), spread^2 / (1 + n))."""
    mixture = Thompson("topic", "accuracy", prior_mean=0.0, spread=1.0, choices=1)
    state = {"heard": np.array([3.0, 3.0]), "sum": np.array([3.0, 0.0])}
    chosen = np.concatenate([
        mixture.choose(state, np.arange(2), 1, np.random.default_rng(seed)) for seed in range(4_000)
    ])  # fmt: skip
    gap = (3 / 4 - 0) / math.sqrt(2 * 1 / 4)
    assert (chosen == 0).mean() == pytest.approx(0.5 * (1 + math.erf(gap / math.sqrt(2))), abs=0.02)


def test_groups_that_change_are_drawn(make_pool: Make) -> None:
    """Running means from the first figure on: fast 0 to 0.5, slow 0 to 0.1; |LP| of a is 0.4, of b 0.2, of c 0."""
    pool = make_pool(topic=TOPICS, interest=[1.0, 0.5, 1.0] * 8)
    figures = [{"a": 0.0, "b": 1.0, "c": 0.5}, {"a": 1.0, "b": 0.5, "c": 0.5}]
    state = told(LearningProgress("topic"), pool, figures, "accuracy")
    np.testing.assert_allclose(state["fast"] - state["slow"], [0.4, -0.2, 0])
    assert topics_of(LearningProgress("topic", floor=0.0), pool, state) == {"a": 4, "b": 2}
    assert topics_of(LearningProgress("topic", floor=0.5), pool, state, count=12) == {"a": 6, "b": 4, "c": 2}
    interested = LearningProgress("topic", floor=0.0, interest="interest")
    assert topics_of(interested, pool, state, count=10) == {"a": 8, "b": 2}
    assert topics_of(LearningProgress("topic"), pool, LearningProgress("topic").start(pool)) == {"a": 2, "b": 2, "c": 2}


def test_a_missing_interest_is_refused_and_not_taken_for_none(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS, interest=[1.0, None, 1.0] * 8)
    mixture = LearningProgress("topic", interest="interest")
    with pytest.raises(DataError, match=r"'interest' cannot say how interesting .*: 8 of 24 .*first nan for .*'p1'"):
        mixture.draw(pool, mixture.start(pool), Moment(0, 9, 6, 0))


def test_impossible_settings_are_refused(make_pool: Make) -> None:
    pool = make_pool(topic=TOPICS)
    with pytest.raises(ConfigError, match=r"UpperConfidence got choices=0; at least 1"):
        topics_of(UpperConfidence("topic", choices=0), pool, UpperConfidence("topic").start(pool))
    with pytest.raises(ConfigError, match=r"slow=0\.5, fast=0\.5 and floor=0\.1; allowed is 0 < slow < fast"):
        LearningProgress("topic", slow=0.5).start(pool)
    with pytest.raises(ConfigError, match=r"spread=0; allowed are numbers above 0"):
        topics_of(Thompson("topic", spread=0), pool, Thompson("topic").start(pool))
