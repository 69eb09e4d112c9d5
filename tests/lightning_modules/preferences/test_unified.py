from __future__ import annotations

import math

import pytest

from lightning_modules.preferences import UFT, Texts


@pytest.mark.parametrize("distance", ["squared", "cross_entropy"])
def test_uft_draws_rewards_towards_scores(texts: Texts, distance: str) -> None:
    by_hand = []
    for ratio, score in zip([2.0, -2.0, -0.5, 3.0, -1.0, 4.0], [1.0, 0.25, 0.75, 0.0, 1.0, 0.5], strict=True):
        p = 1 / (1 + math.exp(-0.25 * ratio))
        by_hand.append(
            (p - score) ** 2 if distance == "squared" else -score * math.log(p) - (1 - score) * math.log(1 - p)
        )
    found = UFT(0.25, distance).units(texts).losses  # type: ignore[arg-type]
    assert found.tolist() == pytest.approx(by_hand, rel=1e-12)
