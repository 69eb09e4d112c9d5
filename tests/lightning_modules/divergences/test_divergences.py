"""Every divergence by its formula written out in plain Python, its slopes, its bounds and its special cases."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lightning_modules import (
    AdaptiveKL,
    Divergence,
    ForwardKL,
    GeneralizedJSD,
    ReverseKL,
    SkewForwardKL,
    SkewReverseKL,
    SymmetricKL,
    TotalVariation,
)
from lightning_modules.losses import log_probabilities
from lightning_modules.losses.divergences import forward_weight

Row = Sequence[float]


def kl(a: Row, b: Row) -> float:
    return sum(x * math.log(x / y) for x, y in zip(a, b, strict=True) if x > 0)


def mix(p: Row, q: Row, share: float) -> list[float]:
    return [share * x + (1 - share) * y for x, y in zip(p, q, strict=True)]


def jsd(p: Row, q: Row, beta: float) -> float:
    m = mix(p, q, beta)
    return beta * kl(p, m) + (1 - beta) * kl(q, m)


def akl(p: Row, q: Row, mu: float) -> float:
    order = sorted(range(len(p)), key=lambda v: -p[v])
    head, cumulated = {order[0]}, 0.0
    for v in order:
        cumulated += p[v]
        if cumulated <= mu:
            head.add(v)
    gaps = [abs(x - y) for x, y in zip(p, q, strict=True)]
    g_h = sum(gaps[v] for v in head)
    g_t = sum(gaps) - g_h
    return g_h / (g_h + g_t) * kl(p, q) + g_t / (g_h + g_t) * kl(q, p)


REFERENCES: dict[str, tuple[Divergence, Callable[[Row, Row], float]]] = {
    "forward": (ForwardKL(), kl),
    "reverse": (ReverseKL(), lambda p, q: kl(q, p)),
    "jsd 0.5": (GeneralizedJSD(0.5), lambda p, q: jsd(p, q, 0.5)),
    "jsd 0.2": (GeneralizedJSD(0.2), lambda p, q: jsd(p, q, 0.2)),
    "jsd 0.2 even": (GeneralizedJSD(0.2, even_scale=True), lambda p, q: jsd(p, q, 0.2) / 0.16),
    "jsd 0": (GeneralizedJSD(0.0), kl),
    "jsd 1": (GeneralizedJSD(1.0), lambda p, q: kl(q, p)),
    "skew forward": (SkewForwardKL(0.1), lambda p, q: kl(p, mix(p, q, 0.1))),
    "skew reverse": (SkewReverseKL(0.1), lambda p, q: kl(q, mix(p, q, 0.9))),
    "symmetric": (SymmetricKL(0.9), lambda p, q: 0.1 * kl(p, q) + 0.9 * kl(q, p)),
    "total variation": (TotalVariation(), lambda p, q: sum(abs(x - y) for x, y in zip(p, q, strict=True)) / 2),
    "adaptive 0.5": (AdaptiveKL(0.5), lambda p, q: akl(p, q, 0.5)),
    "adaptive 0.9": (AdaptiveKL(0.9), lambda p, q: akl(p, q, 0.9)),
}
every = pytest.mark.parametrize("name", REFERENCES)
NEG = -math.inf


def drawn(rows: int = 6, columns: int = 11, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Student and teacher logits, float64."""
    draw = torch.Generator().manual_seed(seed)
    student, teacher = (2 * torch.randn(rows, columns, generator=draw, dtype=torch.float64) for _ in range(2))
    return student, teacher


def softmax(logits: Row) -> list[float]:
    highest = max(logits)
    powers = [math.exp(z - highest) for z in logits]
    return [x / math.fsum(powers) for x in powers]


def value(name: str, student: torch.Tensor, teacher: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    return REFERENCES[name][0].per_token(*log_probabilities(student, teacher, temperature))


@every
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_it_is_its_formula_and_slopes_as_finite_differences_do(name: str, temperature: float) -> None:
    student, teacher = drawn()
    by_hand = [
        REFERENCES[name][1](softmax([z / temperature for z in t]), softmax([z / temperature for z in s]))
        for s, t in zip(student.tolist(), teacher.tolist(), strict=True)
    ]
    found = value(name, student, teacher, temperature)
    assert found.tolist() == pytest.approx(by_hand, rel=1e-12)
    assert value(name, student.float(), teacher.float(), temperature).tolist() == pytest.approx(by_hand, rel=2e-5)
    student.requires_grad_()
    if not name.startswith("adaptive"):  # no gradient goes through its weights: the test below is about it
        assert torch.autograd.gradcheck(lambda logits: value(name, logits, teacher, temperature), student)


def test_the_adaptive_weights_are_constants_in_the_slope() -> None:
    student, teacher = drawn()
    weight = forward_weight(*log_probabilities(student, teacher), head_mass=0.5)
    assert 0 < float(weight.min()) < float(weight.max()) <= 1

    def held(logits: torch.Tensor) -> torch.Tensor:
        return weight * value("forward", logits, teacher) + (1 - weight) * value("reverse", logits, teacher)

    one, other = (student.clone().requires_grad_() for _ in range(2))
    value("adaptive 0.5", one, teacher).sum().backward()
    held(other).sum().backward()
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-12, atol=1e-15)
    assert torch.autograd.gradcheck(held, other)


def test_the_head_leaves_out_the_token_that_crosses_its_mass_but_never_the_first() -> None:
    teacher = torch.tensor([[0.4, 0.2, 0.3, 0.1], [0.8, 0.1, 0.05, 0.05]], dtype=torch.float64)
    student = torch.tensor([[0.1, 0.2, 0.2, 0.5], [0.5, 0.1, 0.2, 0.2]], dtype=torch.float64)
    # gaps .3 0 .1 .4 with head {0}; gaps .3 0 .15 .15 with head {0} although 0.8 > 0.5
    assert forward_weight(student.log(), teacher.log(), 0.5).tolist() == pytest.approx([0.3 / 0.8, 0.5])
    assert forward_weight(student.log(), teacher.log(), 0.75).tolist() == pytest.approx([0.4 / 0.8, 0.5])


@every
def test_it_is_zero_with_a_slope_of_zero_where_both_agree(name: str) -> None:
    _, teacher = drawn()
    student = (teacher + 3).requires_grad_()  # logits are the same up to a constant
    found = value(name, student, teacher)
    found.sum().backward()
    assert found.abs().max() < 1e-12
    assert student.grad is not None
    # The slope of |p - q| at 0 is undefined: rounding decides its sign, never more than the probabilities.
    assert student.grad.abs().max() < (1.0 if name == "total variation" else 1e-12)


@every
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_masked_vocabulary_changes_nothing_and_stays_finite(name: str, dtype: torch.dtype) -> None:
    student, teacher = (side.to(dtype) for side in drawn())
    plain = student.clone().requires_grad_()
    expected = value(name, plain, teacher)
    expected.sum().backward()
    masked, kinds = [], [(NEG, NEG), (NEG, 1.0), (1.0, NEG)]  # on both sides, on one: out of the comparison
    for logits, column in ((student, 0), (teacher, 1)):
        extra = torch.tensor([[kind[column] for kind in kinds]], dtype=dtype).expand(len(logits), -1)
        masked.append(torch.cat([logits, extra], 1))
    wider = masked[0].clone().requires_grad_()
    found = value(name, wider, masked[1])
    found.sum().backward()
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert wider.grad is not None
    assert plain.grad is not None
    assert not wider.grad[:, -3:].any()
    torch.testing.assert_close(wider.grad[:, :-3], plain.grad, rtol=1e-2 if dtype.itemsize == 2 else 1e-5, atol=1e-6)


@every
def test_certainty_on_both_sides_stays_finite(name: str) -> None:
    student = torch.tensor([[500.0, 0.0, -500.0], [0.0, 500.0, 1e4]]).requires_grad_()
    found = value(name, student, torch.tensor([[500.0, 0.0, -500.0], [500.0, 0.0, -1e4]]))
    found.sum().backward()
    assert student.grad is not None
    assert torch.isfinite(found).all()
    assert torch.isfinite(student.grad).all()


def test_more_logits_than_the_other_side_has_are_left_out() -> None:
    student, teacher = drawn()
    wider = torch.cat([teacher, torch.full((6, 4), 9.0, dtype=torch.float64)], 1)
    assert torch.equal(value("forward", student, wider), value("forward", student, teacher))
    assert torch.equal(value("forward", wider, student), value("forward", teacher, student))


logits = st.lists(st.floats(-30, 30), min_size=5, max_size=5)


@given(logits, logits, st.floats(0.01, 0.99))
def test_ranges(student: list[float], teacher: list[float], share: float) -> None:
    pair = log_probabilities(*(torch.tensor([z], dtype=torch.float64) for z in (student, teacher)))
    tiny = 1e-12
    for divergence in (ForwardKL(), ReverseKL(), SymmetricKL(share), AdaptiveKL(share)):
        assert -tiny <= float(divergence.per_token(*pair)) < math.inf
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert -tiny <= float(GeneralizedJSD(share).per_token(*pair)) <= entropy + tiny <= math.log(2) + 2 * tiny
    variation = float(TotalVariation().per_token(*pair))
    assert -tiny <= variation <= 1 + tiny
    assert float(ForwardKL().per_token(*pair)) >= 2 * variation**2 - 1e-9  # Pinsker
    for skewed in (SkewForwardKL(share), SkewReverseKL(share)):
        assert -tiny <= float(skewed.per_token(*pair)) <= -math.log(share) + tiny


def test_the_ends_of_the_jensen_shannon_divergence() -> None:
    student, teacher = drawn()
    for beta, end in ((1e-6, "forward"), (1 - 1e-6, "reverse")):
        pair = log_probabilities(student, teacher)
        near, limit = GeneralizedJSD(beta).per_token(*pair), value(end, student, teacher)
        torch.testing.assert_close(near / min(beta, 1 - beta), limit, rtol=1e-3, atol=0)
        assert (near < 1e-4 * limit).all()  # the jump: at the very end the value is the limit itself
        assert torch.equal(GeneralizedJSD(round(beta)).per_token(*pair), limit)
        torch.testing.assert_close(GeneralizedJSD(beta, even_scale=True).per_token(*pair), limit, rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    ("divergence", "message"),
    [
        (GeneralizedJSD(1.5), r"GeneralizedJSD got beta=1.5.*Allowed are values from 0 to 1. Correct `beta`"),
        (SymmetricKL(-0.1), r"SymmetricKL got reverse_share=-0.1.*from 0 to 1. Correct `reverse_share`"),
        (SkewForwardKL(0.0), r"SkewForwardKL got skew=0.0.*above 0 and below 1. Correct `skew`"),
        (SkewReverseKL(1.0), r"SkewReverseKL got skew=1.0.*above 0 and below 1. Correct `skew`"),
        (AdaptiveKL(0.0), r"AdaptiveKL got head_mass=0.0.*above 0 and below 1. Correct `head_mass`"),
    ],
)
def test_settings_out_of_range_are_refused(divergence: Divergence, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        divergence.check()
