from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lightning_modules import Constant, Cosine, Linear


@given(st.integers(1, 300), st.floats(0, 0.9), st.sampled_from([Linear, Cosine]))
def test_the_rate_rises_to_one_then_falls_and_no_update_is_wasted(updates: int, share: float, kind: type) -> None:
    schedule = kind(warmup_share=share)
    factors = [schedule.factor(k, updates) for k in range(updates)]
    top = factors.index(max(factors))
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[: top + 1] == sorted(factors[: top + 1])
    assert factors[top:] == sorted(factors[top:], reverse=True)


def test_floor_is_reached_at_the_end_of_the_run() -> None:
    assert Linear(0.0, floor=0.1).factor(100, 100) == pytest.approx(0.1)
    assert Cosine(0.0, floor=0.1).factor(100, 100) == pytest.approx(0.1)
    assert Constant(0.1).factor(99, 100) == 1.0


def test_an_impossible_warm_up_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"warm-up of 1\.5 .* Allowed is a share .* below 1\. Correct `warmup_share`"):
        Linear(warmup_share=1.5).factor(0, 10)
