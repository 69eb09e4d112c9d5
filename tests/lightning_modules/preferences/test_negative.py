from __future__ import annotations

import math

import pytest

from lightning_modules.preferences import NPO, Texts


def test_npo_looks_at_bad_texts_alone(texts: Texts) -> None:
    losses, weights = NPO(0.25).units(texts)
    assert losses.tolist() == pytest.approx([8 * math.log(1 + math.exp(0.25 * r)) for r in (-2.0, 3.0, 4.0)], rel=1e-12)
    assert weights.tolist() == [2.0, 2.0, 0.5]
