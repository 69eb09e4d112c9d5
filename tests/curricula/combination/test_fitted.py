from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from curricula import Signal
from curricula.combination import Fitted
from curricula.combination.fitted import fit_line
from lessons.errors import ConfigError, DataError

GENERATOR = np.random.default_rng(3)
FEATURES = GENERATOR.normal(size=(40, 2)) * [1, 50] + [3, -20]
TARGET = 2 + FEATURES @ [0.5, -0.02] + 0.1 * GENERATOR.normal(size=40)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_the_line_is_that_of_another_library(ridge: float) -> None:
    other = Ridge(alpha=ridge * 40).fit(FEATURES, TARGET)
    np.testing.assert_allclose(fit_line(FEATURES, TARGET, ridge), [other.intercept_, *other.coef_], rtol=1e-6)


def test_known_values_teach_the_others(numbers: type, values_of: Callable[[Signal], list[float]]) -> None:
    exact = 2 + FEATURES @ [0.5, -0.02]
    known = [value if k < 10 else None for k, value in enumerate(exact)]
    features = [numbers(FEATURES[:, k].tolist(), name) for k, name in enumerate(("length", "reward"))]
    np.testing.assert_allclose(values_of(Fitted(numbers(known), features)), exact)
    wrong = [*known[:9], 99.0, *known[10:]]
    assert values_of(Fitted(numbers(wrong), features, keep_known=True))[9] == 99.0


def test_the_provenance_tells_how_well_it_fits(make_lessons: Callable, numbers: type) -> None:
    features = [numbers(FEATURES[:, k].tolist(), name) for k, name in enumerate(("length", "reward"))]
    facts = Fitted(numbers(TARGET.tolist()), features).measure(make_lessons([0.5] * 40)).provenance
    assert facts["fitted_on"] == 40
    assert facts["explained"] == pytest.approx(0.99, abs=0.01)
    assert facts["coefficients"] == pytest.approx({"length": 0.5, "reward": -0.02}, abs=0.05)


def test_too_few_known_values_are_refused(numbers: type, values_of: Callable[[Signal], list[float]]) -> None:
    with pytest.raises(DataError, match=r"can learn 'numbers' from 2 lessons .* at least 3 are needed for 1 features"):
        values_of(Fitted(numbers([1, 2, None]), [numbers([1, 2, 3])]))
    with pytest.raises(ConfigError, match=r"ridge=-1; allowed are numbers from 0 up"):
        values_of(Fitted(numbers([1, 2, None]), [numbers([1, 2, 3])], ridge=-1))
