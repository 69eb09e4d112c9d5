from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula import Signal
from curricula.combination import Disagreement, Extreme, Product, Weighted
from lessons.errors import ConfigError

Values = Callable[[Signal], list[float]]


def test_sums_products_and_extremes(numbers: type, values_of: Values) -> None:
    pair = [numbers([1, 2, 3, None]), numbers([10, 20, -30, 4])]
    assert values_of(Weighted(pair, [2, 0.1]))[:3] == [3.0, 6.0, 3.0]
    assert values_of(Weighted(pair))[:3] == [5.5, 11.0, -13.5]
    assert values_of(Product(pair))[:3] == [10, 40, -90]
    assert values_of(Extreme(pair))[:3] == [10, 20, 3]
    assert values_of(Extreme(pair, "lowest"))[:3] == [1, 2, -30]
    assert all(np.isnan(values_of(part)[3]) for part in (Weighted(pair), Product(pair), Extreme(pair)))


def test_disagreement_is_the_deviation_of_those_who_answered(numbers: type, values_of: Values) -> None:
    three = [numbers([1, 1, 1, None]), numbers([1, 3, None, None]), numbers([1, 5, 2, 7])]
    assert values_of(Disagreement(three))[:3] == pytest.approx([0, np.std([1, 3, 5]), 0.5])
    assert np.isnan(values_of(Disagreement(three))[3])


def test_settings_that_do_not_fit_are_refused(numbers: type, values_of: Values, make_lessons: Callable) -> None:
    with pytest.raises(ConfigError, match=r"Weighted got 1 signals and 2 weights; each signal needs one"):
        values_of(Weighted([numbers([1])], [1, 2]))
    with pytest.raises(ConfigError, match=r"which='middle'; allowed are 'highest' and 'lowest'"):
        values_of(Extreme([numbers([1])], "middle"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"Product got no signals to combine; at least one"):
        Product([]).measure(make_lessons([0.5]))
    with pytest.raises(ConfigError, match=r"'topic', which names categories \(a, b \.\.\.\); only signals of numbers"):
        values_of(Product([numbers([0, 1], "topic", "ab")]))
