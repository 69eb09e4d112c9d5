"""Every loss against its formula in plain arithmetic, its slope against finite differences, and its limits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from lightning_modules.losses.preferences import (
    group_alignment,
    ipo,
    kto,
    log_odds,
    npo,
    odds_ratio,
    preference_nll,
    redi,
    score_distance,
)

GAPS = [-40.0, -3.0, -0.25, 0.0, 0.5, 2.0, 30.0]
MEANS = [-0.001, -0.1, -0.7, -2.0, -9.0]


def column(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def odds(mean: float) -> float:
    return math.exp(mean) / (1 - math.exp(mean))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_preference_nll(smoothing: float) -> None:
    by_hand = [-(1 - smoothing) * math.log(sigmoid(g)) - smoothing * math.log(1 / (1 + math.exp(g))) for g in GAPS]
    assert preference_nll(column(GAPS), smoothing).tolist() == pytest.approx(by_hand, rel=1e-12)
    assert gradcheck(lambda gap: preference_nll(gap, smoothing), column(GAPS[1:-1]))


def test_equal_texts_cost_log_two() -> None:
    zero = torch.zeros(1, dtype=torch.float64)
    assert preference_nll(zero).item() == preference_nll(zero, 0.3).item() == pytest.approx(math.log(2), rel=1e-15)
    same = column([-0.7])
    assert odds_ratio(same, same).item() == pytest.approx(math.log(2), rel=1e-15)
    assert redi(same, same, 1.0).item() == 0
    assert npo(zero, 0.25).item() == pytest.approx(8 * math.log(2), rel=1e-15)
    assert score_distance(zero, column([0.5])).item() == 0
    assert kto(zero, torch.tensor([True]), zero, 0.1).item() == 0.5


def test_ipo_is_zero_at_the_gap_it_aims_at() -> None:
    by_hand = [(g - 1 / (2 * 0.2)) ** 2 for g in GAPS]
    assert ipo(column(GAPS), 0.2).tolist() == pytest.approx(by_hand, rel=1e-12)
    assert ipo(column([2.5]), 0.2).item() == 0
    assert gradcheck(lambda gap: ipo(gap, 0.2), column(GAPS))


def test_odds_ratio() -> None:
    assert log_odds(column(MEANS)).tolist() == pytest.approx([math.log(odds(mean)) for mean in MEANS], rel=1e-9)
    others = MEANS[::-1]
    ratios = [odds(a) / odds(b) for a, b in zip(MEANS, others, strict=True)]
    by_hand = [math.log(1 + 1 / ratio) for ratio in ratios]
    assert odds_ratio(column(MEANS), column(others)).tolist() == pytest.approx(by_hand, rel=1e-9)
    assert gradcheck(odds_ratio, (column(MEANS[1:]), column(others[:-1])))
    certain = column([0.0, 1e-9])  # rounding may bring a sure text there
    loss = odds_ratio(certain, column([-1.0, -1.0])).sum()
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(certain.grad).all()


def test_kto() -> None:
    good = torch.tensor([True, False] * 3 + [True])
    by_hand = [
        1.5 * (1 - sigmoid(0.3 * (g - 0.7))) if up else 0.5 * (1 - sigmoid(0.3 * (0.7 - g)))
        for g, up in zip(GAPS, good.tolist(), strict=True)
    ]
    point = torch.tensor(0.7, dtype=torch.float64)
    assert kto(column(GAPS), good, point, 0.3, 1.5, 0.5).tolist() == pytest.approx(by_hand, rel=1e-12)
    assert gradcheck(lambda ratio: kto(ratio, good, point, 0.3, 1.5, 0.5), column(GAPS))


def test_redi_has_no_lower_bound_and_npo_has() -> None:
    s = column(MEANS)
    assert redi(s, s, 0.8).tolist() == pytest.approx([-0.2 * mean for mean in MEANS], rel=1e-12)
    assert gradcheck(lambda chosen, rejected: redi(chosen, rejected, 0.8), (column(MEANS), column(MEANS[::-1])))
    assert redi(column([-1.0]), column([-1e6]), 0.8).item() < -7e5
    by_hand = [2 / 0.3 * math.log(1 + math.exp(0.3 * g)) for g in GAPS]
    assert npo(column(GAPS), 0.3).tolist() == pytest.approx(by_hand, rel=1e-9)
    assert npo(column([-1e6]), 0.3).item() == 0
    assert gradcheck(lambda ratio: npo(ratio, 0.3), column(GAPS))


def test_npo_begins_as_gradient_ascent() -> None:
    ratio = column([0.0])
    npo(ratio, 0.3).backward()
    assert ratio.grad.item() == pytest.approx(1.0)


@pytest.mark.parametrize("cross_entropy", [False, True])
def test_score_distance_is_least_where_the_reward_says_the_score(cross_entropy: bool) -> None:
    scores = [0.0, 0.125, 0.5, 0.75, 1.0]
    rewards = [-2.0, 0.5, 1.0, -0.5, 3.0]
    by_hand = [
        -u * math.log(sigmoid(r)) - (1 - u) * math.log(1 - sigmoid(r)) if cross_entropy else (sigmoid(r) - u) ** 2
        for r, u in zip(rewards, scores, strict=True)
    ]
    u = torch.tensor(scores, dtype=torch.float64)
    assert score_distance(column(rewards), u, cross_entropy).tolist() == pytest.approx(by_hand, rel=1e-12)
    assert gradcheck(lambda r: score_distance(r, u, cross_entropy), column(rewards))
    middle = u[1:-1]
    at_score = torch.logit(middle).requires_grad_()
    score_distance(at_score, middle, cross_entropy).sum().backward()
    assert at_score.grad.abs().max() < 1e-12


def alignment_by_hand(means: list[float], good: list[bool], constraint: str, margin: float) -> float:
    right, wrong = ([s for s, up in zip(means, good, strict=True) if up is side] for side in (True, False))
    if not right or not wrong:
        return 0.0
    low = min(right) - margin
    pulls = [math.exp(2 * low - p - n) if constraint == "boundary" else 0.0 for p in right for n in wrong]
    return math.log(1 + sum(math.exp(n - p) for p in right for n in wrong) + sum(pulls))


TEXTS = st.lists(st.tuples(st.floats(-8, 0), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12)


@given(TEXTS, st.sampled_from(["none", "detached", "boundary"]))
def test_group_alignment(texts: list[tuple[float, bool, int]], constraint: str) -> None:
    means, good, groups = (list(values) for values in zip(*texts, strict=True))
    found = group_alignment(column(means), torch.tensor(good), torch.tensor(groups), 4, constraint, 0.5)
    for group in range(4):
        mine = [(s, up) for s, up, k in texts if k == group]
        by_hand = alignment_by_hand([s for s, _ in mine], [up for _, up in mine], constraint, 0.5)
        assert found[group].item() == pytest.approx(by_hand, rel=1e-10, abs=1e-12)


ALIGNED = (torch.tensor([True, False, True, False, True]), torch.tensor([0, 0, 0, 0, 1]), 2)


def test_the_slope_of_group_alignment_and_what_its_constraints_hold_back() -> None:
    start = [-0.5, -1.5, -0.25, -0.75, -3.0]
    assert gradcheck(lambda mean: group_alignment(mean, *ALIGNED), column(start))

    def slope(constraint: str, means: list[float]) -> Tensor:
        mean = column(means)
        group_alignment(mean, *ALIGNED, constraint, 0.5).sum().backward()
        return mean.grad

    plain = slope("none", start)
    assert torch.equal(slope("detached", start)[[1, 3]], torch.zeros(2, dtype=torch.float64))  # bad texts are let alone
    torch.testing.assert_close(slope("detached", start)[[0, 2]], plain[[0, 2]])
    assert plain[4] == 0  # nothing to be better than
    lowest = -0.5 - 0.5  # the worst good text, less the margin
    assert slope("boundary", [-0.5, lowest, -0.25, lowest, -3.0])[[1, 3]].abs().max() < 1e-12
    pulled = slope("boundary", [-0.5, -1.5, -0.25, -0.75, -3.0])
    assert pulled[1] < 0 < pulled[3]  # descent pulls back what is below the boundary, and pushes down what is above


@pytest.mark.parametrize("constraint", ["none", "detached", "boundary"])
@pytest.mark.parametrize("good", [True, False])
def test_one_sided_groups_cost_nothing(constraint: str, good: bool) -> None:
    mean = column([-1.0, -2.0])
    value = group_alignment(mean, torch.tensor([good, good]), torch.tensor([0, 0]), 1, constraint, 0.5)
    value.sum().backward()
    assert value.item() == 0
    assert mean.grad.tolist() == [0.0, 0.0]
