from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from curricula import Feedback, LossByLoss, PrefixPool, Steady
from curricula.mixtures.base import Moment
from curricula.pool import Pool
from lessons.errors import ConfigError

Make = Callable[..., Pool]
INNER = PrefixPool(Steady())


def drawn(mixture: LossByLoss, pool: Pool, losses: dict[int, float]) -> dict[int, float]:
    heard = Feedback(1, places=np.array(list(losses)), lessons={"training_loss": np.array(list(losses.values()))})
    state = mixture.hear(pool, mixture.start(pool), heard)
    found = mixture.draw(pool, state, Moment(1, 2, len(pool), 0))
    return dict(sorted(zip(found.places.tolist(), found.weights.tolist(), strict=True)))


@pytest.mark.parametrize(("favour", "sign"), [("easy", -1), ("hard", 1)])
def test_weights_are_exponential_in_the_loss_with_mean_one(make_pool: Make, favour: Any, sign: int) -> None:
    losses = {0: 0.5, 1: 2.0, 3: 1.25}
    found = drawn(LossByLoss(INNER, temperature=0.5, favour=favour), make_pool(s=[1.0] * 4), losses)
    raw = {place: math.exp(sign * loss / 0.5) for place, loss in losses.items()}
    expected = {place: value / (sum(raw.values()) / 3) for place, value in raw.items()} | {2: 1.0}
    assert found == pytest.approx(expected)


def test_lessons_outside_the_bounds_are_skipped_and_those_unheard_are_not(make_pool: Make) -> None:
    losses = {0: 0.1, 1: 1.0, 2: 5.0, 3: 0.2}
    pool = make_pool(s=[1.0] * 5)
    found = drawn(LossByLoss(INNER, lowest=0.2, highest=2.0), pool, losses)
    assert found == {0: 0.0, 1: 1.0, 2: 0.0, 3: 1.0, 4: 1.0}
    weighed = drawn(LossByLoss(INNER, temperature=1.0, lowest=0.2, highest=2.0), pool, losses)
    raw = {1: math.exp(-1.0), 3: math.exp(-0.2)}
    assert weighed == pytest.approx({0: 0, 2: 0, 4: 1} | {k: v / (sum(raw.values()) / 2) for k, v in raw.items()})


def test_an_update_that_would_be_skipped_whole_counts_evenly(make_pool: Make) -> None:
    assert drawn(LossByLoss(INNER, lowest=1.0), make_pool(s=[1.0] * 2), {0: 0.1, 1: 0.2}) == {0: 1.0, 1: 1.0}


def test_huge_losses_do_not_overflow(make_pool: Make) -> None:
    found = drawn(LossByLoss(INNER, temperature=1e-3, favour="hard"), make_pool(s=[1.0] * 2), {0: 50.0, 1: 60.0})
    assert found == pytest.approx({0: 0.0, 1: 2.0})


def test_bad_settings_and_missing_figures_are_refused(make_pool: Make) -> None:
    pool = make_pool(s=[1.0])
    with pytest.raises(
        ConfigError, match=r"LossByLoss got temperature=0, .*lowest=None.*lowest below highest. Correct"
    ):
        LossByLoss(INNER, temperature=0).start(pool)
    with pytest.raises(ConfigError, match=r"lowest=2.0 and highest=1.0; allowed"):
        LossByLoss(INNER, lowest=2.0, highest=1.0).start(pool)
    mixture = LossByLoss(INNER)
    with pytest.raises(
        ConfigError, match=r"listens for 'training_loss' by lesson.*update 3 does not hold; it has: none"
    ):
        mixture.hear(pool, mixture.start(pool), Feedback(3))
