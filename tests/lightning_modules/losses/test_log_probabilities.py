from __future__ import annotations

import itertools
import math

import pytest
import torch

from lightning_modules.losses import TopK, forward_kl, log_probabilities, reverse_kl, top_k_log_probabilities


def drawn(rows: int = 5, vocabulary: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    student, teacher = (2 * torch.randn(rows, vocabulary, generator=draw, dtype=torch.float64) for _ in range(2))
    return student, teacher


def top(teacher: torch.Tensor, k: int) -> TopK:
    logs, ids = teacher.log_softmax(-1).topk(k)
    return TopK(ids, logs, 1 - logs.exp().sum(-1))


def buckets(logits: list[float], ids: list[int], temperature: float) -> list[float]:
    """The distribution over k tokens and all others together, by hand."""
    total = sum(math.exp(z) for z in logits)
    outcomes = [math.exp(logits[v]) / total for v in ids]
    outcomes.append(sum(math.exp(z) / total for v, z in enumerate(logits) if v not in ids))
    powers = [x ** (1 / temperature) for x in outcomes]
    return [x / sum(powers) for x in powers]


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_tail_is_one_more_outcome(temperature: float) -> None:
    student, teacher = drawn()
    given = top(teacher, 3)
    pair = top_k_log_probabilities(student, given, temperature)
    for row, ids in enumerate(given.ids.tolist()):
        assert pair.student[row].exp().tolist() == pytest.approx(buckets(student[row].tolist(), ids, temperature))
        assert pair.teacher[row].exp().tolist() == pytest.approx(buckets(teacher[row].tolist(), ids, temperature))
    student.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: reverse_kl(*top_k_log_probabilities(z, given, temperature)), student)


def test_all_tokens_listed_is_the_whole_divergence_and_fewer_are_never_more() -> None:
    student, teacher = drawn()
    whole = forward_kl(*log_probabilities(student, teacher))
    found = [forward_kl(*top_k_log_probabilities(student, top(teacher, k))) for k in range(1, 10)]
    torch.testing.assert_close(found[-1], whole, rtol=1e-9, atol=0)
    for fewer, more in itertools.pairwise(found):
        assert (fewer <= more + 1e-12).all()  # putting outcomes together can only hide differences


def test_without_a_tail_or_with_one_the_student_cannot_have_it_stays_finite() -> None:
    student = torch.tensor([[60.0, 0.0, -60.0], [0.0, 60.0, 1.0]]).requires_grad_()
    certain = TopK(torch.tensor([[0, 1], [1, 2]]), torch.tensor([[0.0, -math.inf], [0.0, -70.0]]), torch.zeros(2))
    found = forward_kl(*top_k_log_probabilities(student, certain))
    found.sum().backward()
    assert found.tolist() == pytest.approx([0, 0], abs=1e-6)
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()


def test_a_student_sure_of_the_listed_tokens_keeps_the_small_tail_exactly() -> None:
    student = torch.tensor([[30.0, 29.0, 0.0]])
    pair = top_k_log_probabilities(
        student, TopK(torch.tensor([[0, 1]]), torch.tensor([[-0.7, -0.7]]), torch.tensor([1e-9]))
    )
    exact = -math.log(math.exp(30.0) + math.exp(29.0) + 1)
    assert float(pair.student[0, 2]) == pytest.approx(exact, rel=1e-6)  # log(1 - sum) in float32 would be -inf


def test_slopes_are_finite_where_all_tokens_are_listed_or_all_others_are_masked() -> None:
    student, teacher = drawn(vocabulary=6)
    whole = student.clone().requires_grad_()
    forward_kl(*log_probabilities(whole, teacher)).sum().backward()
    listed = student.clone().requires_grad_()
    forward_kl(*top_k_log_probabilities(listed, top(teacher, 6))).sum().backward()
    torch.testing.assert_close(listed.grad, whole.grad, rtol=1e-9, atol=1e-12)
    masked = torch.cat([student, torch.full((5, 2), -math.inf, dtype=torch.float64)], 1).requires_grad_()
    known = top(torch.cat([teacher, torch.full((5, 2), -1e3, dtype=torch.float64)], 1), 6)
    forward_kl(*top_k_log_probabilities(masked, known)).sum().backward()
    assert masked.grad is not None
    torch.testing.assert_close(masked.grad[:, :6], whole.grad, rtol=1e-9, atol=1e-12)
    assert not masked.grad[:, 6:].any()


def test_what_was_stored_in_half_precision_is_compared_as_precisely_as_the_student_computes() -> None:
    teacher = drawn()[1]
    known = top(teacher, 9)
    rounded = TopK(known.ids, known.log_probabilities.half(), known.tail.float())
    exact = rounded.log_probabilities.double().log_softmax(-1)
    same = torch.empty_like(exact).scatter_(-1, rounded.ids, exact)
    assert forward_kl(*top_k_log_probabilities(same, rounded)).abs().max() < 1e-15
