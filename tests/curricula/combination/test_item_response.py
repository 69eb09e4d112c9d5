from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from curricula import Signal
from curricula.combination import ItemResponse
from curricula.combination.item_response import fit_items
from curricula.ranks import rank_correlation
from lessons.errors import ConfigError, DataError


def log_posterior(b: np.ndarray, a: np.ndarray, theta: np.ndarray, rates: np.ndarray, tries: int) -> float:
    """The formula, written out: binomial likelihood and the three normal priors."""
    total = 0.0
    for i in range(len(b)):
        for s in range(len(theta)):
            if not np.isnan(rates[i, s]):
                p = 1 / (1 + np.exp(-a[i] * (theta[s] - b[i])))
                total += tries * (rates[i, s] * np.log(p) + (1 - rates[i, s]) * np.log(1 - p))
    return total - (b**2).sum() / 2 - (np.log(a) ** 2).sum() / (2 * 0.25) - (theta**2).sum() / (2 * 9)


@pytest.mark.parametrize("two", [False, True])
def test_the_estimate_is_the_highest_point_of_the_posterior(two: bool) -> None:
    rates = np.array([[1, 1, 1], [1, 0.5, np.nan], [0, 0.5, 1], [0, 0, 0.5], [0, 0, 0], [1, 0.5, 0]])
    n, students = rates.shape
    found = fit_items(rates, 2, two)

    def cost(flat: np.ndarray) -> float:
        slopes = np.exp(flat[n : 2 * n]) if two else np.ones(n)
        return -log_posterior(flat[:n], slopes, flat[2 * n :], rates, 2)

    other = minimize(cost, np.zeros(2 * n + students), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(found.difficulty, other.x[:n], atol=1e-4)
    np.testing.assert_allclose(found.ability, other.x[2 * n :], atol=1e-4)
    if two:
        np.testing.assert_allclose(found.discrimination, np.exp(other.x[n : 2 * n]), atol=1e-3)


def test_difficulty_is_found_although_the_students_answered_different_lessons() -> None:
    generator = np.random.default_rng(1)
    difficulty, ability = generator.normal(size=400), np.array([-1.5, 0.0, 1.5])
    rates = generator.binomial(8, 1 / (1 + np.exp(difficulty[:, None] - ability))) / 8
    rates[:200, 0] = np.nan  # the weak student saw the second half only, the able one the first
    rates[200:, 2] = np.nan
    found = fit_items(rates, 8, discriminate=False)
    by_rate = rank_correlation(-np.nanmean(rates, axis=1), difficulty)
    assert rank_correlation(found.difficulty, difficulty) > by_rate + 0.1
    assert (np.abs(found.ability - ability) < 0.3).all()


def test_a_lesson_nobody_answered_has_no_difficulty(numbers: type, values_of: Callable[[Signal], list[float]]) -> None:
    made = values_of(ItemResponse([numbers([0, 1, None]), numbers([0, None, None])]))
    assert made[0] > 0 > made[1]
    assert np.isnan(made[2])


def test_what_are_no_pass_rates_is_refused(numbers: type, values_of: Callable[[Signal], list[float]]) -> None:
    with pytest.raises(DataError, match=r"2 rates between 0\.5 and 3; pass rates in \[0, 1\] are needed"):
        values_of(ItemResponse([numbers([3, 0.5])]))
    with pytest.raises(ConfigError, match=r"parameters=3 and tries=1; allowed are 1 or 2 parameters"):
        values_of(ItemResponse([numbers([0.5])], parameters=3))
