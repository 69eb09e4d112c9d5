"""The optimiser where none is given: torch's AdamW, fused where that can be, and the same to the eye of a run."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning.pytorch.plugins.precision import HalfPrecision, MixedPrecision, Precision

from lightning_modules.adamw import adamw

RATES = {"lr": 1e-2, "weight_decay": 0.1}


def parameters(sizes: list[int], seed: int, dtype: torch.dtype = torch.float32) -> list[torch.nn.Parameter]:
    draw = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(size, generator=draw).to(dtype)) for size in sizes]


def updated(made: list[torch.nn.Parameter], optimizer: torch.optim.Optimizer, seed: int) -> list[torch.Tensor]:
    """Make five updates by random gradients, and return the weights."""
    draw = torch.Generator().manual_seed(seed)
    for _ in range(5):
        for parameter in made:
            parameter.grad = torch.randn(parameter.shape, generator=draw).to(parameter.dtype)
        optimizer.step()
    return [parameter.detach() for parameter in made]


def by_the_formula(made: list[torch.nn.Parameter], seed: int) -> list[torch.Tensor]:
    """Make the same updates as the paper writes them, in float64: beta 0.9 and 0.999, epsilon 1e-8."""
    draw = torch.Generator().manual_seed(seed)
    weights = [parameter.detach().double() for parameter in made]
    first, second = [torch.zeros_like(w) for w in weights], [torch.zeros_like(w) for w in weights]
    for step in range(1, 6):
        for k, weight in enumerate(weights):
            gradient = torch.randn(weight.shape, generator=draw).double()
            first[k] = 0.9 * first[k] + 0.1 * gradient
            second[k] = 0.999 * second[k] + 0.001 * gradient**2
            mean, square = first[k] / (1 - 0.9**step), second[k] / (1 - 0.999**step)
            weights[k] = weight - RATES["lr"] * (mean / (square.sqrt() + 1e-8) + RATES["weight_decay"] * weight)
    return weights


@settings(deadline=None)
@given(st.lists(st.integers(1, 70), min_size=1, max_size=5), st.integers(0, 2**20))
def test_its_updates_are_those_of_the_paper(sizes: list[int], seed: int) -> None:
    made = parameters(sizes, seed)
    expected = by_the_formula(made, seed)
    optimizer = adamw(made, {"lr": 1e-2, "weight_decay": 0.1}, Precision())
    assert optimizer.param_groups[0]["fused"] is True
    for found, wanted in zip(updated(made, optimizer, seed), expected, strict=True):
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("precision", "dtype", "fused"),
    [
        (Precision(), torch.float32, True),
        (HalfPrecision("bf16-true"), torch.bfloat16, True),
        (MixedPrecision("bf16-mixed", "cpu"), torch.float32, None),
    ],
)
def test_it_is_fused_unless_lightning_refuses_to_clip_for_it(
    precision: Precision, dtype: torch.dtype, fused: bool | None
) -> None:
    made = parameters([5, 9], 0, dtype)
    optimizer = adamw(made, {"lr": 1e-2, "weight_decay": 0.0}, precision)
    assert optimizer.param_groups[0]["fused"] is fused
    before = [parameter.detach().clone() for parameter in made]
    assert all(not torch.equal(*both) for both in zip(updated(made, optimizer, 0), before, strict=True))


def test_weights_that_are_elsewhere_are_not_fused() -> None:
    elsewhere = [torch.nn.Parameter(torch.zeros(3, device="meta"))]
    assert adamw(elsewhere, {"lr": 1e-2, "weight_decay": 0.0}, Precision()).param_groups[0]["fused"] is None
