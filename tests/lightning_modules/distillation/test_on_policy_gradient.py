"""The policy gradient against the divergence itself, summed over every answer that a small student can write."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules import Replay, ReverseKL, SampledReverseKL, Sampling
from lightning_modules.distillation.on_policy_gradient import later, sampled_terms

VOCABULARY, END, LONGEST = 3, 0, 4


def policy(seed: int) -> dict[tuple[int, ...], Tensor]:
    """Logits after every beginning of an answer, float64 [vocabulary]; token 0 ends it."""
    draw = torch.Generator().manual_seed(seed)
    beginnings = [b for n in range(LONGEST) for b in itertools.product(range(1, VOCABULARY), repeat=n)]
    return {b: torch.randn(VOCABULARY, generator=draw, dtype=torch.float64, requires_grad=True) for b in beginnings}


def answers() -> list[tuple[int, ...]]:
    """Every answer: those that end, and those that run into the limit."""
    whole = [(*b, END) for n in range(LONGEST) for b in itertools.product(range(1, VOCABULARY), repeat=n)]
    return whole + list(itertools.product(range(1, VOCABULARY), repeat=LONGEST))


STUDENT, TEACHER = policy(1), policy(2)


def chosen(logits: dict[tuple[int, ...], Tensor], answer: tuple[int, ...]) -> Tensor:
    """Log-probability of every token of an answer."""
    return torch.stack([logits[answer[:t]].log_softmax(0)[token] for t, token in enumerate(answer)])


def exact(answer: tuple[int, ...]) -> Tensor:
    """KL(q || p) at every place of an answer."""
    sides = [(STUDENT[answer[:t]].log_softmax(0), TEACHER[answer[:t]].log_softmax(0)) for t in range(len(answer))]
    return torch.stack([(q.exp() * (q - p)).sum() for q, p in sides])


def gradient(loss: Tensor) -> Tensor:
    found = torch.autograd.grad(loss, list(STUDENT.values()), allow_unused=True)
    return torch.stack([torch.zeros(VOCABULARY, dtype=torch.float64) if g is None else g for g in found])


def expected(settings: SampledReverseKL) -> Tensor:
    """The mean gradient over all answers, each as often as the student writes it."""
    total = torch.zeros(len(STUDENT), VOCABULARY, dtype=torch.float64)
    for answer in answers():
        q, p = chosen(STUDENT, answer), chosen(TEACHER, answer).detach()
        losses = settings.losses(q, p, exact(answer), torch.zeros(len(answer), dtype=torch.int64))
        total += q.sum().exp().detach() * gradient(losses.sum())
    return total


def test_on_average_the_sampled_advantage_is_the_gradient_of_the_divergence_at_each_token() -> None:
    torch.testing.assert_close(expected(SampledReverseKL("sampled")), expected(SampledReverseKL("exact")))
    assert expected(SampledReverseKL("sampled")).abs().max() > 0.01


@pytest.mark.parametrize("immediate", ["sampled", "exact"])
def test_with_all_later_tokens_it_is_the_gradient_of_the_whole_answers_divergence(immediate: Any) -> None:
    whole = torch.zeros((), dtype=torch.float64)
    for answer in answers():
        q, p = chosen(STUDENT, answer), chosen(TEACHER, answer).detach()
        whole = whole + q.sum().exp() * (q.sum() - p.sum())
    torch.testing.assert_close(expected(SampledReverseKL(immediate, "sum")), gradient(whole))


def test_the_mean_of_later_tokens_is_minillms_length_normalised_return() -> None:
    gain = torch.tensor([0.5, -1.0, 2.0, 4.0, -3.0], dtype=torch.float64)
    sequences = torch.tensor([0, 0, 0, 1, 1])
    found = later(gain, sequences, mean=True)
    assert found.tolist() == [(-1.0 + 2.0) / 2, 2.0, 0.0, -3.0, 0.0]
    q = torch.full((5,), -1.0, dtype=torch.float64, requires_grad=True)
    exact_part = torch.arange(5.0, dtype=torch.float64)
    losses = SampledReverseKL("exact", "mean").losses(q, q.detach() + gain, exact_part, sequences)
    torch.testing.assert_close(losses.detach(), exact_part - found)
    torch.testing.assert_close(torch.autograd.grad(losses.sum(), q)[0], -found)  # ratios are 1, and only they move


def test_the_value_of_the_loss_estimates_the_divergence_and_no_gradient_flows_through_the_advantage() -> None:
    q, p = torch.tensor([-1.0, -2.0], requires_grad=True), torch.tensor([-1.5, -0.5])
    losses = SampledReverseKL().losses(q, p, torch.zeros(2), torch.zeros(2, dtype=torch.int64))
    torch.testing.assert_close(losses.detach(), (q - p).detach())
    torch.testing.assert_close(torch.autograd.grad(losses.sum(), q)[0], (q - p).detach())  # d(q - p) itself is 1 each


def test_a_bound_holds_log_ratios() -> None:
    q, p = torch.tensor([-1.0, -2.0, -1.0]), torch.tensor([-9.0, -1.5, 8.0])
    losses = SampledReverseKL(largest_log_ratio=5.0).losses(q, p, torch.zeros(3), torch.zeros(3, dtype=torch.int64))
    assert losses.tolist() == [5.0, -0.5, -5.0]


def test_terms_are_log_probabilities_of_what_was_sampled_and_the_divergence() -> None:
    draw = torch.Generator().manual_seed(3)
    mine, other = torch.randn(2, 6, 5, generator=draw, dtype=torch.float64)
    other = torch.cat([other, torch.full((6, 2), 9.0, dtype=torch.float64)], 1)  # rows that no token has
    targets = torch.tensor([0, 4, 2, 2, 1, 3])
    found = sampled_terms(ReverseKL(), mine, other, targets)
    q, p = mine.softmax(-1), other[:, :5].softmax(-1)
    for t, token in enumerate(targets.tolist()):
        wanted = [q[t, token].log(), p[t, token].log(), (q[t] * (q[t] / p[t]).log()).sum()]
        torch.testing.assert_close(found[:, t], torch.stack(wanted))


@pytest.mark.parametrize(
    ("sampling", "temperature", "message"),
    [
        (
            Sampling(temperature=0.7),
            1.0,
            r"sampled at temperature 0.7.*allowed is temperature 1 for both, top_p 1, no replay",
        ),
        (Sampling(top_p=0.9), 1.0, r"and top_p 0.9.*leave out `policy_gradient`"),
        (Sampling(replay=Replay()), 1.0, r"some of them replayed.*no replay.*Correct them"),
        (Sampling(), 2.0, r"divergence at temperature 2"),
    ],
)
def test_answers_that_are_not_the_students_own_are_refused(sampling: Any, temperature: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SampledReverseKL().check(sampling, temperature)


def test_a_bound_must_be_above_zero() -> None:
    with pytest.raises(ConfigError, match=r"largest_log_ratio = 0.*above 0.*Correct it"):
        SampledReverseKL(largest_log_ratio=0.0).check(Sampling(), 1.0)
