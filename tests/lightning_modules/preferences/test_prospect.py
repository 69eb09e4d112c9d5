from __future__ import annotations

import math

import pytest

from lightning_modules.preferences import KTO, Texts


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("reference_point", ["mismatched", "zero"])
def test_kto(texts: Texts, reference_point: str) -> None:
    ratios, good = [2.0, -2.0, -0.5, 3.0, -1.0, 4.0], [True, False, True, False, True, False]
    point = 0.5 if reference_point == "mismatched" else 0.0
    by_hand = [
        1.5 * (1 - sigmoid(0.3 * (r - point))) if up else 0.5 * (1 - sigmoid(0.3 * (point - r)))
        for r, up in zip(ratios, good, strict=True)
    ]
    preference = KTO(0.3, 1.5, 0.5, reference_point)  # type: ignore[arg-type]
    losses, weights = preference.units(texts)
    assert losses.tolist() == pytest.approx(by_hand, rel=1e-12)
    assert weights.tolist() == texts.weight.tolist()
    assert preference.needs_mismatched is (reference_point == "mismatched")
    assert ("z0" in preference.formula) is preference.needs_mismatched
