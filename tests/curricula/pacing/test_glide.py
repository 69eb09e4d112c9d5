from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.pacing import Glide, Pacing, Swing
from lessons.errors import ConfigError

CURVES = {
    "linear": lambda x: x,
    "logarithmic": lambda x: math.log10(1 + 9 * x),
    "exponential": lambda x: (10**x - 1) / 9,
    "cosine": lambda x: (1 - math.cos(math.pi * x)) / 2,
}


@given(st.sampled_from(sorted(CURVES)), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_curves_are_their_formulas(curve: str, initial: float, final: float, t: float) -> None:
    x = min(1.0, max(0.0, (t - 0.25) / 0.5))
    expected = initial + (final - initial) * CURVES[curve](x)
    assert Glide(initial, final, 0.25, 0.75, curve).share(t, {}) == pytest.approx(expected)  # type: ignore[arg-type]


def test_a_geometric_curve_multiplies() -> None:
    pacing = Glide(0.01, 1.0, curve="geometric")
    assert [pacing.share(t / 4, {}) for t in range(5)] == pytest.approx([0.01, 10**-1.5, 0.1, 10**-0.5, 1.0])


def test_a_swing_goes_up_and_down_and_a_saw_jumps() -> None:
    swing, saw = Swing(0.2, 1.0, 2), Swing(0.2, 1.0, 2, drop=True)
    moments = [k / 8 for k in range(8)]
    assert [swing.share(t, {}) for t in moments] == pytest.approx([0.2, 0.6, 1.0, 0.6] * 2)
    assert [saw.share(t, {}) for t in moments] == pytest.approx([0.2, 0.4, 0.6, 0.8] * 2)
    assert [swing.stage(t, {}) for t in moments] == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("pacing", "message"),
    [
        (Glide(begin=0.5, end=0.5), r"begin=0\.5 and end=0\.5; allowed is 0 <= begin < end <= 1"),
        (Glide(curve="round"), r"curve='round'; allowed are linear, logarithmic, exponential, cosine and geometric"),  # type: ignore[arg-type]
        (Glide(curve="geometric"), r"initial=0\.0 and final=1\.0; a geometric curve needs both above 0"),
        (Glide(initial=2), r"initial=2; allowed are numbers from 0 to 1"),
        (Swing(0.5, 0.2), r"Swing got high=0\.2; allowed are numbers from 0\.5 to 1"),
        (Swing(cycles=0), r"cycles=0; at least 1"),
    ],
)
def test_impossible_settings_are_refused(pacing: Pacing, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pacing.share(0.5, {})
