from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachers.bradley_terry import strengths

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda p: p[0] != p[1]), max_size=30)


def by_newton(items: int, pairs: list[tuple[int, int]], prior: float) -> np.ndarray:
    """Maximise the concave log-posterior by Newton's method with step halving.

    log-posterior = sum log sigmoid(s_winner - s_loser) + prior * sum (log sigmoid(s) + log sigmoid(-s)).
    """

    def value(s: np.ndarray) -> float:
        likelihood = -sum(math.log1p(math.exp(s[b] - s[a])) for a, b in pairs)
        return likelihood - prior * float(np.sum(np.log1p(np.exp(-s)) + np.log1p(np.exp(s))))

    s = np.zeros(items)
    for _ in range(100):
        sigmoid = 1 / (1 + np.exp(-s))
        gradient = prior * (1 - 2 * sigmoid)
        hessian = np.diag(-2 * prior * sigmoid * (1 - sigmoid))
        for a, b in pairs:
            p = 1 / (1 + math.exp(s[b] - s[a]))
            gradient[a] += 1 - p
            gradient[b] -= 1 - p
            for x, y, sign in ((a, a, -1), (b, b, -1), (a, b, 1), (b, a, 1)):
                hessian[x, y] += sign * p * (1 - p)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while value(s - size * step) < value(s) and size > 1e-12:
            size /= 2
        s = s - size * step
    return s


def test_one_win_by_hand() -> None:
    # s_0 = t = -s_1. The slope is zero where  a*sigmoid(-2t) = prior*(2*sigmoid(t) - 1)  for a wins to none.
    # At t = log 2: sigmoid(-2t) = 1/5 and 2*sigmoid(t) - 1 = 1/3, so a = 1 needs prior = 3/5.
    assert strengths(2, [0], [1], prior=0.6) == pytest.approx([math.log(2), -math.log(2)], abs=1e-6)


def test_five_wins_by_hand() -> None:
    # As above, at the same place: a = 5 needs prior = 3.
    assert strengths(2, [0] * 5, [1] * 5, prior=3.0) == pytest.approx([math.log(2), -math.log(2)], abs=1e-6)


def test_with_almost_no_prior_the_ratio_of_strengths_is_the_ratio_of_wins() -> None:
    # Two items, 3 wins to 1: pi_0 / pi_1 = 3.
    first, second = strengths(2, [0, 0, 0, 1], [1, 1, 1, 0], prior=1e-6)
    assert first - second == pytest.approx(math.log(3), abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.sampled_from([0.1, 0.5, 2.0]))
def test_it_is_where_a_convex_optimiser_ends(pairs: list[tuple[int, int]], prior: float) -> None:
    found = strengths(6, [a for a, _ in pairs], [b for _, b in pairs], prior, tolerance=1e-11)
    assert found == pytest.approx(by_newton(6, pairs, prior), abs=1e-6)


@given(PAIRS)
def test_turning_every_comparison_round_turns_the_strengths_round(pairs: list[tuple[int, int]]) -> None:
    winners, losers = [a for a, _ in pairs], [b for _, b in pairs]
    assert strengths(6, winners, losers) == pytest.approx(-strengths(6, losers, winners), abs=1e-5)


def test_items_without_comparisons_are_average() -> None:
    assert strengths(3, [0], [1])[2] == 0
    assert strengths(2, [], []).tolist() == [0, 0]
    assert strengths(0, [], []).tolist() == []


def test_the_true_order_is_found_from_noisy_comparisons() -> None:
    generator = np.random.default_rng(0)
    true = np.linspace(-3, 3, 200)
    a, b = generator.integers(0, 200, (2, 8_000))
    a, b = a[a != b], b[a != b]
    a_wins = generator.random(len(a)) < 1 / (1 + np.exp(true[b] - true[a]))
    found = strengths(200, np.where(a_wins, a, b), np.where(a_wins, b, a))
    assert np.corrcoef(true, found)[0, 1] > 0.98
