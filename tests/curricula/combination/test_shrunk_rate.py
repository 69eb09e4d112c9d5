from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats

from curricula import Signal
from curricula.combination import ShrunkRate
from curricula.combination.shrunk_rate import fit_prior
from lessons.errors import ConfigError, DataError

Values = Callable[[Signal], list[float]]


def test_the_mean_is_that_of_the_posterior(numbers: type, values_of: Values) -> None:
    made = values_of(ShrunkRate(numbers([1.0, 1.0, 0.25, None]), numbers([1, 8, 4, 4]), right=2, wrong=3))
    assert made[:3] == pytest.approx([3 / 6, 10 / 13, 3 / 9])
    assert np.isnan(made[3])


def test_a_quantile_is_that_of_the_posterior(numbers: type, values_of: Values) -> None:
    made = values_of(ShrunkRate(numbers([0.5, 1.0]), 4, right=1, wrong=1, quantile=0.05))
    assert scipy.stats.beta(3, 3).cdf(made[0]) == pytest.approx(0.05)
    assert scipy.stats.beta(5, 1).cdf(made[1]) == pytest.approx(0.05)


def test_the_fitted_prior_is_where_the_rates_came_from() -> None:
    generator = np.random.default_rng(0)
    tries = np.full(20_000, 8.0)
    right = generator.binomial(8, generator.beta(2.0, 5.0, 20_000)).astype(np.float64)
    a, b = fit_prior(right, tries)
    assert (a, b) == pytest.approx((2.0, 5.0), rel=0.1)
    likelihood = scipy.stats.betabinom(8, a, b).logpmf(right).sum()
    for other in ((a * 1.05, b), (a * 0.95, b), (a, b * 1.05), (a, b * 0.95)):
        assert scipy.stats.betabinom(8, *other).logpmf(right).sum() < likelihood


def test_what_is_no_pass_rate_is_refused(numbers: type, values_of: Values) -> None:
    with pytest.raises(DataError, match=r"rate 1\.5 of 4 tries \(row 1\) from 'numbers'; rates must lie in \[0, 1\]"):
        values_of(ShrunkRate(numbers([0.5, 1.5]), 4))
    with pytest.raises(DataError, match=r"ShrunkRate got no value at all"):
        values_of(ShrunkRate(numbers([None]), 4))
    with pytest.raises(ConfigError, match=r"right=1 and wrong=None; both must be above 0, or both left out"):
        values_of(ShrunkRate(numbers([0.5]), 4, right=1))
    with pytest.raises(ConfigError, match=r"quantile=2; allowed are numbers between"):
        values_of(ShrunkRate(numbers([0.5]), 4, right=1, wrong=1, quantile=2))
