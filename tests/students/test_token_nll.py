from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from students.token_nll import token_nll


def tensors(tokens: int, features: int = 5, vocabulary: int = 11, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(tokens)
    hidden = torch.randn(tokens, features, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    head = torch.randn(vocabulary, features, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    targets = torch.randint(0, vocabulary, (tokens,), generator=generator)
    return hidden, head, targets


def by_hand(hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor, bias: torch.Tensor | None) -> list[float]:
    losses = []
    for row, target in zip(hidden.tolist(), targets.tolist(), strict=True):
        logits = [sum(a * b for a, b in zip(row, column, strict=True)) for column in head.tolist()]
        if bias is not None:
            logits = [logit + b for logit, b in zip(logits, bias.tolist(), strict=True)]
        top = max(logits)
        losses.append(top + math.log(math.fsum(math.exp(logit - top) for logit in logits)) - logits[target])
    return losses


@pytest.mark.parametrize("logits_at_once", [10**6, 33, 11])
@pytest.mark.parametrize("with_bias", [False, True])
def test_losses_equal_a_reference_written_out_in_plain_python(logits_at_once: int, with_bias: bool) -> None:
    hidden, head, targets = tensors(7)
    bias = torch.linspace(-1, 1, 11, dtype=torch.float64) if with_bias else None
    found = token_nll(hidden, head, targets, bias, logits_at_once)
    assert found.tolist() == pytest.approx(by_hand(hidden, head, targets, bias), rel=1e-12)


@given(tokens=st.integers(1, 40), rows=st.integers(1, 50))
@settings(max_examples=30)
def test_chunks_change_neither_values_nor_gradients(tokens: int, rows: int) -> None:
    results = []
    for logits_at_once in (10**6, 11 * rows):
        hidden, head, targets = tensors(tokens)
        nll = token_nll(hidden, head, targets, logits_at_once=logits_at_once)
        (nll * torch.linspace(0.5, 2, tokens, dtype=torch.float64)).sum().backward()
        results.append((nll.detach(), hidden.grad, head.grad))
    for whole, chunked in zip(*results, strict=True):
        torch.testing.assert_close(chunked, whole, rtol=1e-10, atol=1e-12)


def test_gradients_are_those_of_finite_differences() -> None:
    hidden, head, targets = tensors(4)
    assert torch.autograd.gradcheck(lambda h, w: token_nll(h, w, targets), (hidden, head))


def test_half_precision_gives_single_precision_losses_in_chunks_too() -> None:
    hidden, head, targets = tensors(9, dtype=torch.bfloat16)
    whole, chunked = (token_nll(hidden, head, targets, logits_at_once=n) for n in (10**6, 33))
    assert whole.dtype == chunked.dtype == torch.float32
    torch.testing.assert_close(chunked, whole)
    chunked.sum().backward()
    assert hidden.grad is not None
    assert torch.isfinite(hidden.grad).all()


def test_masked_vocabulary_stays_finite() -> None:
    hidden, head, targets = tensors(3)
    bias = torch.zeros(11, dtype=torch.float64)
    bias[(targets[0] + 1) % 11] = -math.inf
    kept = targets.clone()
    kept[kept == (targets[0] + 1) % 11] = targets[0]
    nll = token_nll(hidden, head, kept, bias)
    nll.sum().backward()
    assert torch.isfinite(nll).all()
    assert torch.isfinite(hidden.grad).all()
