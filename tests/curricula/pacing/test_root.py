from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.pacing.root import RootPacing
from lessons.errors import ConfigError


@pytest.mark.parametrize("power", [1, 2, 3])
@given(t=st.integers(0, 1000), start=st.floats(0, 1), full=st.integers(1, 1000))
def test_the_share_is_the_formula(power: int, t: int, start: float, full: int) -> None:
    """c(t) = min(1, (t (1 - c0^p) / T + c0^p)^(1/p)), for a run of 1000 steps; p = 3 is no square root."""
    expected = min(1.0, (t * (1 - start**power) / full + start**power) ** (1 / power))
    assert RootPacing(start, power, full / 1000).share(t / 1000, {}) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_known_values() -> None:
    assert [RootPacing(0.0, p, 1.0).share(1 / 64, {}) for p in (1, 2, 3)] == pytest.approx([1 / 64, 1 / 8, 1 / 4])


@pytest.mark.parametrize(
    ("pacing", "message"),
    [
        (RootPacing(1.5), r"initial_share=1\.5; allowed are numbers from 0 to 1"),
        (RootPacing(power=0), r"power=0 and full_at=0\.5; the power must be above 0"),
        (RootPacing(full_at=0), r"power=2\.0 and full_at=0;"),
    ],
)
def test_impossible_settings_are_refused(pacing: RootPacing, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pacing.share(0.5, {})
