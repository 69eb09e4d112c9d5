from __future__ import annotations

import math

import pytest

from lightning_modules.preferences import DPO, IPO, Texts

RATIOS = [(2.0, -2.0), (-0.5, 3.0), (-1.0, 4.0)]  # log-ratio of chosen and rejected, pair by pair
LENGTHS = [(6, 20), (5, 4), (14, 16)]


def loss(gap: float) -> float:
    return math.log(1 + math.exp(-gap))


def test_dpo_compares_sums_or_means(texts: Texts) -> None:
    losses, weights = DPO(reward_scale=0.3).units(texts)
    assert losses.tolist() == pytest.approx([loss(0.3 * (c - r)) for c, r in RATIOS], rel=1e-12)
    assert weights.tolist() == [2.0, 2.0, 0.5]
    by_hand = [loss(5 * (c / m - r / n)) for (c, r), (m, n) in zip(RATIOS, LENGTHS, strict=True)]
    assert DPO(reward_scale=5.0, length="mean").units(texts).losses.tolist() == pytest.approx(by_hand, rel=1e-12)


def test_a_floor_costs_as_soon_as_a_chosen_text_falls(texts: Texts) -> None:
    by_hand = [loss(0.3 * (c - r - 5 * max(0.0, -c))) for c, r in RATIOS]
    found = DPO(reward_scale=0.3, floor_weight=5.0)
    assert found.units(texts).losses.tolist() == pytest.approx(by_hand, rel=1e-12)
    found.units(texts).losses[1].backward()
    plain = 0.3 * (1 - 1 / (1 + math.exp(-0.3 * (-0.5 - 3.0 - 2.5))))
    assert texts.log_probability.grad[2].item() == pytest.approx(-6 * plain)  # 1 + 5 times the pull of the gap
    assert texts.log_probability.grad[3].item() == pytest.approx(plain)


def test_ipo_compares_means(texts: Texts) -> None:
    by_hand = [(c / m - r / n - 1 / 0.4) ** 2 for (c, r), (m, n) in zip(RATIOS, LENGTHS, strict=True)]
    assert IPO(0.2).units(texts).losses.tolist() == pytest.approx(by_hand, rel=1e-12)


def test_rewards_are_what_the_loss_compares(texts: Texts) -> None:
    assert DPO(reward_scale=0.5).reward(texts).tolist() == [1.0, -1.0, -0.25, 1.5, -0.5, 2.0]
    assert IPO().reward(texts).tolist() == texts.mean_log_ratio.tolist()
