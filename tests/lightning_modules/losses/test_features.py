"""Feature losses against sums written out in float64."""

from __future__ import annotations

import math

import pytest
import torch

from lightning_modules.losses.features import cosine_distance, similarity_distance, squared_distance

SEQUENCES = torch.tensor([0, 0, 0, 1, 1, 4])


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_squared_and_cosine_distance_equal_sums_by_hand() -> None:
    mine, other = draw(4, 3), draw(4, 3, seed=1)
    for t in range(4):
        s, h = mine[t].tolist(), other[t].tolist()
        squares = sum((a - b) ** 2 for a, b in zip(s, h, strict=True)) / 3
        cosine = sum(a * b for a, b in zip(s, h, strict=True)) / math.hypot(*s) / math.hypot(*h)
        assert float(squared_distance(mine, other)[t]) == pytest.approx(squares, rel=1e-12)
        assert float(cosine_distance(mine, other)[t]) == pytest.approx(1 - cosine, rel=1e-12)


@pytest.mark.parametrize("cosine", [True, False])
def test_similarity_distance_equals_sums_by_hand(cosine: bool) -> None:
    mine, other = draw(6, 3), draw(6, 5, seed=1)

    def alike(states: torch.Tensor, t: int, u: int) -> float:
        product = float(states[t] @ states[u])
        return product / float(states[t].norm() * states[u].norm()) if cosine else product / states.shape[1]

    found = similarity_distance(mine, other, SEQUENCES, cosine)
    for t in range(6):
        near = [u for u in range(6) if SEQUENCES[u] == SEQUENCES[t]]
        expected = sum((alike(mine, t, u) - alike(other, t, u)) ** 2 for u in near) / len(near)
        assert float(found[t]) == pytest.approx(expected, rel=1e-12, abs=1e-30)


def test_axes_and_where_cosines_count_lengths_of_the_teacher_are_free() -> None:
    mine = draw(6, 4)
    turned = mine @ torch.linalg.qr(draw(4, 4, seed=2))[0]
    for cosine, other in ((True, 3 * turned), (False, turned)):
        assert float(similarity_distance(mine, other, SEQUENCES, cosine).max()) < 1e-24
    wider = torch.cat([mine, torch.zeros(6, 2)], dim=1)
    assert float(similarity_distance(mine, wider, SEQUENCES).max()) < 1e-24


LOSSES = {
    "squared": squared_distance,
    "cosine": cosine_distance,
    "similarity": lambda s, t: similarity_distance(s, t, SEQUENCES),
    "products": lambda s, t: similarity_distance(s, t, SEQUENCES, cosine=False),
}


@pytest.mark.parametrize("name", LOSSES)
def test_equal_states_cost_nothing_and_gradients_are_those_of_finite_differences(name: str) -> None:
    mine, other = draw(6, 3).requires_grad_(), draw(6, 3, seed=1)
    same = LOSSES[name](mine, mine.detach())
    assert float(same.detach().abs().max()) < 1e-15
    assert float(torch.autograd.grad(same.sum(), mine)[0].abs().max()) < 1e-12
    assert torch.autograd.gradcheck(LOSSES[name], (mine, other))
    assert LOSSES[name](mine.to(torch.bfloat16), other.to(torch.bfloat16)).dtype == torch.float32
