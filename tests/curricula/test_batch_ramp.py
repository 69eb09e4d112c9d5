from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.batch_ramp import BatchRamp
from curricula.timetable import Planned
from lessons.errors import ConfigError


@given(st.integers(1, 400), st.integers(1, 20), st.integers(0, 12), st.integers(1, 12))
def test_updates_grow_and_lose_nothing(entries: int, first: int, more: int, over: int) -> None:
    full = first + more
    bounds = BatchRamp(first, over).bounds(entries, full)
    plan = Planned(np.arange(entries), np.ones(entries), np.zeros(entries, np.int32), full, bounds)
    drawn = [plan.draw(k).places for k in range(plan.updates)]
    assert np.concatenate(drawn).tolist() == list(range(entries))
    sizes = [len(places) for places in drawn]
    wanted = [int(np.floor(first + more * min(1, k / over) + 0.5)) for k in range(plan.updates)]
    assert sizes[:-1] == wanted[:-1]
    assert 0 < sizes[-1] <= wanted[-1]


def test_impossible_ramps_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"first=9 and over_updates=3 with 8 lessons an update.*Correct data.ramp"):
        BatchRamp(9, 3).bounds(100, 8)
