"""What is computed a piece at a time equals what is computed at once, in float32: values and gradients to 1e-6."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lightning_modules import GOLD, ULD, ForwardKL, GeneralizedJSD
from lightning_modules.distillation.chunk_divergences import ChunkDivergence
from lightning_modules.losses.cross_tokenizer import ChunkSide, Vocabularies, chunk_values
from students.token_nll import token_nll

TOKENS, FEATURES, MINE, OTHERS = 29, 5, 40, 33
FIRST = torch.arange(TOKENS) * 7 % OTHERS
SHARED = Vocabularies.of(torch.where(torch.arange(MINE) < 25, torch.arange(MINE), -1), MINE, OTHERS)


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def likelihood(at_once: int) -> Callable[..., Tensor]:
    return lambda hidden, weight, bias: token_nll(hidden, weight, FIRST, bias, at_once)


def across(kind: ChunkDivergence) -> Callable[[int], Callable[..., Tensor]]:
    later = -draw(TOKENS, seed=3).abs()
    teacher = ChunkSide(draw(TOKENS, 6, seed=4), draw(OTHERS, 6, seed=5), None, FIRST, later)

    def build(at_once: int) -> Callable[..., Tensor]:
        def values(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            student = ChunkSide(hidden, weight, bias, FIRST, later)
            return chunk_values(lambda s, t: kind.per_chunk(s, t, SHARED), student, teacher, 2.0, at_once)

        return values

    return build


COMPUTED = {
    "likelihood": likelihood,
    "ULD": across(ULD()),
    "GOLD forward": across(GOLD(ForwardKL())),
    "GOLD JSD": across(GOLD(GeneralizedJSD(0.3))),
}


@pytest.mark.parametrize("pieces_of", [1, 3 * (MINE + OTHERS), 10 * (MINE + OTHERS)])
@pytest.mark.parametrize("name", COMPUTED)
def test_pieces_equal_all_at_once(name: str, pieces_of: int) -> None:
    inputs = [
        draw(*shape, seed=k).requires_grad_() for k, shape in enumerate(((TOKENS, FEATURES), (MINE, FEATURES), (MINE,)))
    ]
    upstream = draw(TOKENS, seed=9)
    found, whole = (COMPUTED[name](at_once)(*inputs) for at_once in (pieces_of, 10**9))
    torch.testing.assert_close(found, whole, rtol=1e-6, atol=1e-6)
    pairs = zip(*(torch.autograd.grad(values, inputs, upstream) for values in (found, whole)), strict=True)
    for mine, other in pairs:
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6 * float(other.abs().max()))
