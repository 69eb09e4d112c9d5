from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from curricula import Closeness, Signal
from lessons.errors import ConfigError


def test_the_weight_is_a_bell(numbers: type, values_of: Callable[[Signal], list[float]]) -> None:
    made = values_of(Closeness(numbers([0.5, 0.7, 0.3, 1.0, None]), 0.5, 0.2))
    assert made[:4] == pytest.approx([1.0, math.exp(-0.5), math.exp(-0.5), math.exp(-3.125)])
    assert np.isnan(made[4])
    with pytest.raises(ConfigError, match=r"width=0; allowed are numbers above 0"):
        values_of(Closeness(numbers([0.5]), width=0))
