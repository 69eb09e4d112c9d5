"""Losses on scores against sums written out in float64."""

from __future__ import annotations

import math

import pytest
import torch

from lightning_modules.losses.scores import binary_kl, margin_distance

GROUPS = torch.tensor([0, 0, 3, 3, 3, 9])


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_margins_equal_sums_by_hand() -> None:
    mine, other = draw(6).tolist(), draw(6, seed=1).tolist()
    found = margin_distance(torch.tensor(mine, dtype=torch.float64), torch.tensor(other, dtype=torch.float64), GROUPS)
    pair = ((mine[0] - mine[1]) - (other[0] - other[1])) ** 2
    assert found[:2].tolist() == pytest.approx([pair, pair], rel=1e-12)
    three = [((mine[2] - mine[j]) - (other[2] - other[j])) ** 2 for j in (3, 4)]
    assert float(found[2]) == pytest.approx(sum(three) / 2, rel=1e-12)
    assert float(found[5]) == 0


def test_scores_with_equal_margins_cost_nothing_whatever_their_zero() -> None:
    mine = draw(6).requires_grad_()
    found = margin_distance(mine, mine.detach() + GROUPS * 0.5, GROUPS)
    assert float(found.detach().max()) < 1e-24
    assert float(torch.autograd.grad(found.sum(), mine)[0].abs().max()) < 1e-12
    assert torch.autograd.gradcheck(lambda s: margin_distance(s, draw(6, seed=1), GROUPS), mine)


@pytest.mark.parametrize("of_difference", [False, True])
def test_binary_kl_equals_sums_by_hand(of_difference: bool) -> None:
    mine, other, temperature = draw(2, 3), draw(2, 3, seed=1), 2.0

    def bernoulli(p: float, q: float) -> float:
        return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))

    found = binary_kl(mine, other, temperature, of_difference)
    for k in range(2):
        total = 0.0
        for s, t in zip(mine[k].tolist(), other[k].tolist(), strict=True):
            if of_difference:
                s, t = s - t, 0.0
            total += bernoulli(1 / (1 + math.exp(-t / temperature)), 1 / (1 + math.exp(-s / temperature)))
        assert float(found[k]) == pytest.approx(4 * total, rel=1e-12)


@pytest.mark.parametrize("of_difference", [False, True])
def test_equal_logits_cost_nothing_and_a_constant_counts(of_difference: bool) -> None:
    mine = draw(4, 3).requires_grad_()
    same = binary_kl(mine, mine.detach(), 2.0, of_difference)
    assert float(same.detach().abs().max()) < 1e-15
    assert float(torch.autograd.grad(same.sum(), mine)[0].abs().max()) < 1e-12
    assert float(binary_kl(mine + 1, mine, 2.0, of_difference).detach().min()) > 0.1
    assert torch.autograd.gradcheck(lambda s: binary_kl(s, draw(4, 3, seed=1), 1.5, of_difference), mine)
    assert binary_kl(mine * 1e4, -mine.detach() * 1e4, 1.0).isfinite().all()
