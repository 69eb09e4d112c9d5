from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules.losses.policy import (
    clipped_advantage,
    distance_to_reference,
    group_statistics,
    implicit_negative,
    marginal_nll,
    straight_through_floor,
)

DOUBLE = torch.float64


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=DOUBLE)


rewards = st.lists(st.lists(st.sampled_from([0.0, 0.1, 0.25, 1.0]), min_size=1, max_size=6), min_size=1, max_size=5)


@given(rewards)
def test_mean_and_deviation_are_those_of_every_group(groups: list[list[float]]) -> None:
    flat = [(reward, number) for number, group in enumerate(groups) for reward in group]
    shuffled = sorted(flat, key=lambda pair: hash(pair))
    found = group_statistics(
        tensor(*(reward for reward, _ in shuffled)), torch.tensor([number for _, number in shuffled]), len(groups)
    )
    for number, group in enumerate(groups):
        mean = math.fsum(group) / len(group)
        assert float(found.mean[number]) == pytest.approx(mean)
        deviation = math.sqrt(math.fsum((reward - mean) ** 2 for reward in group) / len(group))
        assert float(found.deviation[number]) == pytest.approx(deviation, abs=1e-12)
        assert (float(found.deviation[number]) == 0) == (len(set(group)) == 1)


@given(st.floats(-1.5, 1.5), st.floats(-2, 2), st.floats(0, 1), st.floats(0, 2))
def test_the_clipped_loss_is_its_formula(log_ratio: float, advantage: float, below: float, above: float) -> None:
    ratio = math.exp(log_ratio)
    clipped = max(min(ratio, 1 + above), 1 - below)
    expected = -min(ratio * advantage, clipped * advantage)
    found = clipped_advantage(tensor(log_ratio), tensor(advantage), below, above)
    assert float(found) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("ratio", "advantage", "moves"),
    [(1.3, 1.0, False), (1.3, -1.0, True), (0.7, 1.0, True), (0.7, -1.0, False), (1.0, 1.0, True), (1.1, 1.0, True)],
)
def test_a_token_that_moved_far_enough_the_right_way_has_no_gradient(
    ratio: float, advantage: float, moves: bool
) -> None:
    log_ratio = tensor(math.log(ratio)).requires_grad_()
    clipped_advantage(log_ratio, tensor(advantage)).sum().backward()
    assert float(log_ratio.grad) == pytest.approx(-ratio * advantage if moves else 0.0)


@given(st.floats(-1, 0.5), st.booleans(), st.floats(0.02, 0.98), st.floats(0, 2), st.floats(0.1, 1))
def test_negative_aware_loss_and_gradient_are_their_formulas(
    log_ratio: float, right: bool, rate: float, weight: float, floor: float
) -> None:
    given_ratio = tensor(log_ratio).requires_grad_()
    found = implicit_negative(given_ratio, torch.tensor([right]), tensor(rate), weight, floor)
    found.sum().backward()
    ratio = math.exp(log_ratio)
    implicit = (1 - rate * ratio) / (1 - rate)
    if right:
        value, slope = -log_ratio, -1.0
    else:
        value = -weight * math.log(max(implicit, floor))
        slope = weight * rate * ratio / (1 - rate) / max(implicit, floor)  # as if the maximum were not there
    assert found.tolist() == pytest.approx([value], abs=1e-9)
    assert float(given_ratio.grad) == pytest.approx(slope, rel=1e-9, abs=1e-12)


def test_the_implicit_negative_is_the_policy_of_wrong_answers() -> None:
    """With R = pi+ / pi_old, known on a toy policy, (1 - r R) / (1 - r) is pi- / pi_old."""
    generator = torch.Generator().manual_seed(0)
    old = torch.rand(7, generator=generator, dtype=DOUBLE).softmax(0)  # over seven answers, of which three are right
    right = torch.tensor([True, False, True, False, False, True, False])
    rate = old[right].sum()
    positive = torch.where(right, old, 0.0) / rate
    negative = torch.where(right, 0.0, old) / (1 - rate)
    ratio = positive / old
    found = implicit_negative(ratio.log(), torch.zeros(7, dtype=torch.bool), rate, 1.0, smallest_ratio=1e-9)
    expected = -(negative / old).clamp(min=1e-9).log()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("rate", [0.125, 0.5, 0.75])
def test_while_ratios_are_one_its_gradient_is_that_of_group_advantages(rate: float) -> None:
    right = torch.tensor([True, False])
    deviation = math.sqrt(rate * (1 - rate))
    for question_weight, scale in ((1 - rate, 1.0), (math.sqrt((1 - rate) / rate), deviation)):
        mine, other = (torch.zeros(2, dtype=DOUBLE, requires_grad=True) for _ in range(2))
        negative = question_weight * implicit_negative(mine, right, torch.full((2,), rate, dtype=DOUBLE))
        assert float(negative.detach().abs().sum()) == 0  # ratios of 1: nothing is lost yet, right or wrong
        negative.sum().backward()
        advantage = (right.to(DOUBLE) - rate) / scale
        clipped_advantage(other, advantage).sum().backward()
        torch.testing.assert_close(mine.grad, other.grad)


def test_gradients_agree_with_differences() -> None:
    log_ratio = tensor(-0.4, 0.1, 0.05, -0.1).requires_grad_()
    right, rate = torch.tensor([True, False, True, False]), tensor(0.5, 0.25, 0.75, 0.5)
    assert torch.autograd.gradcheck(lambda x: implicit_negative(x, right, rate, 0.7, 1e-3), log_ratio)
    assert torch.autograd.gradcheck(lambda x: clipped_advantage(x, tensor(1.0, -1.0, 0.5, -0.2)), log_ratio)
    answers = tensor(-3.0, -1.0, -250.0, -251.0).requires_grad_()
    groups = torch.tensor([0, 0, 1, 1])
    assert torch.autograd.gradcheck(lambda x: marginal_nll(x, groups, 3, 0.5), answers)


def test_the_floor_lets_the_gradient_through() -> None:
    values = tensor(-1.0, 0.5, 3.0).requires_grad_()
    found = straight_through_floor(values, 1.0)
    found.sum().backward()
    assert found.tolist() == [1.0, 1.0, 3.0]
    assert values.grad.tolist() == [1.0, 1.0, 1.0]


@given(
    st.lists(st.lists(st.floats(-30, -0.01), min_size=0, max_size=4), min_size=1, max_size=4),
    st.floats(0.05, 1),
)
def test_marginal_likelihood_is_its_formula(groups: list[list[float]], exponent: float) -> None:
    logs = tensor(*(value for group in groups for value in group))
    number = torch.tensor([k for k, group in enumerate(groups) for _ in group], dtype=torch.int64)
    found = marginal_nll(logs, number, len(groups), exponent)
    for k, group in enumerate(groups):
        whole = math.fsum(math.exp(exponent * value) for value in group)
        assert float(found[k]) == pytest.approx(-math.log(whole) / exponent if group else 0.0, rel=1e-9, abs=1e-9)


def test_the_exponent_decides_who_gets_the_gradient() -> None:
    def slopes(*logs: float, exponent: float) -> list[float]:
        given_logs = tensor(*logs).requires_grad_()
        marginal_nll(given_logs, torch.zeros(len(logs), dtype=torch.int64), 1, exponent).sum().backward()
        return given_logs.grad.tolist()

    assert slopes(-2.0, -200.0, exponent=1.0) == pytest.approx([-1.0, 0.0], abs=1e-12)  # the rich get richer
    assert slopes(-2.0, -200.0, exponent=1e-9) == pytest.approx([-0.5, -0.5], rel=1e-5)  # every answer alike
    assert slopes(-7.0, exponent=0.3) == pytest.approx([-1.0])  # one answer: ordinary training on its sum
    assert float(marginal_nll(tensor(-7.0), torch.tensor([0]), 1, 0.3)) == pytest.approx(7.0)


vocabularies = st.lists(st.tuples(st.floats(-4, 4), st.floats(-4, 4)), min_size=2, max_size=8)


@given(vocabularies)
def test_on_average_over_own_tokens_the_distance_is_the_divergence(logits: list[tuple[float, float]]) -> None:
    """Its value that of KL(pi || reference), its gradient that of KL(reference || pi), summed over all tokens."""
    mine, other = (tensor(*side).log_softmax(0) for side in zip(*logits, strict=True))
    mine.requires_grad_()
    distance = distance_to_reference(mine, other)
    assert (distance >= 0).all()
    whole = (mine.detach().exp() * distance).sum()
    assert whole.item() == pytest.approx((mine.exp() * (mine - other)).sum().item(), abs=1e-12)
    (gradient,) = torch.autograd.grad(whole, mine)
    # Of sum p_ref (log p_ref - log pi) by log pi that is -p_ref; what is left, pi, vanishes where pi stays normalised.
    assert gradient.tolist() == pytest.approx((mine.exp() - other.exp()).tolist(), abs=1e-12)


def test_a_student_that_has_not_moved_is_nowhere_away() -> None:
    still = torch.linspace(-30, 0, 7).requires_grad_()
    distance = distance_to_reference(still, still.detach())
    assert distance.tolist() == [0.0] * 7
    distance.sum().backward()
    assert still.grad is not None
    assert not still.grad.any()


def test_the_gradient_of_the_distance_is_its_slope() -> None:
    point = tensor(-3.0, -0.5, -1.0).requires_grad_()
    assert torch.autograd.gradcheck(lambda logs: distance_to_reference(logs, tensor(-1.0, -0.6, -4.0)), point)
