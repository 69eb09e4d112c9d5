"""Chunks of text as outcomes, against probabilities added up by hand in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules import ForwardKL, GeneralizedJSD, ReverseKL, TotalVariation
from lightning_modules.distillation.chunk_divergences import GOLD, ULD
from lightning_modules.losses.chunked import Projection
from lightning_modules.losses.cross_tokenizer import (
    ChunkSide,
    Vocabularies,
    chunk_values,
    merged,
    shared_outcomes,
    sorted_distance,
)

# The student's tokens: a b ab c; the teacher's: b a c bc d. Both may write "ab" and then "bc".
MATCHES = torch.tensor([1, 0, -1, 2])
VOCABULARIES = Vocabularies.of(MATCHES, student_rows=4, teacher_rows=5)
DIVERGENCES = [ForwardKL(), ReverseKL(), GeneralizedJSD(0.3), TotalVariation()]


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_vocabularies_are_sorted_out_from_both_sides() -> None:
    assert [ids.tolist() for ids in VOCABULARIES.shared] == [[0, 1, 3], [1, 0, 2]]
    assert [ids.tolist() for ids in VOCABULARIES.alone] == [[2], [3, 4]]
    assert [ids.tolist() for ids in VOCABULARIES.other] == [[1, 0, -1, 2], [1, 0, 3, -1, -1]]
    assert VOCABULARIES.teacher_share == 3 / 5
    padded = Vocabularies.of(MATCHES, student_rows=6, teacher_rows=5)
    assert padded.alone[0].tolist() == [2, 4, 5]


@given(st.integers(0, 200), st.sampled_from([1.0, 2.5]))
def test_the_outcomes_of_a_chunk_are_a_distribution(seed: int, temperature: float) -> None:
    later = -draw(3, seed=seed + 1).abs() * torch.tensor([0.0, 1.0, 1e-3])
    found = merged(draw(3, 4, seed=seed), torch.tensor([1, 2, 0]), later, temperature)
    torch.testing.assert_close(found.outcomes().exp().sum(1), torch.ones(3, dtype=torch.float64))
    whole = (draw(3, 4, seed=seed) / temperature).softmax(1)
    torch.testing.assert_close(found.chunk[1].exp(), whole[1, 2] * later[1].exp())
    torch.testing.assert_close(found.astray[1].exp(), whole[1, 2] * (1 - later[1].exp()))
    assert found.astray[0].exp() == 0


def test_shared_outcomes_equal_probabilities_added_up_by_hand() -> None:
    p, q = draw(1, 5, seed=1).softmax(1)[0], draw(1, 4, seed=2).softmax(1)[0]
    # The student writes "abc" as ab, c; the teacher as a, bc: it might have begun with b, c or d, and the student with
    # b, c, or with a alone, as the teacher did.
    later_q, later_p = torch.tensor([0.4, 0.25], dtype=torch.float64)
    student = merged(draw(1, 4, seed=2), torch.tensor([2]), later_q.log()[None])
    teacher = merged(draw(1, 5, seed=1), torch.tensor([1]), later_p.log()[None])
    mine, other = shared_outcomes(student, teacher, VOCABULARIES)
    expected_mine = [0, q[1], q[3], q[2] * 0.4, q[2] * 0.6 + q[0]]
    expected_other = [0, p[0], p[2], p[1] * 0.25, p[1] * 0.75 + p[3] + p[4]]
    torch.testing.assert_close(mine[0].exp(), torch.tensor(expected_mine, dtype=torch.float64))
    torch.testing.assert_close(other[0].exp(), torch.tensor(expected_other, dtype=torch.float64))
    rest = sum(a * (a / b).log() for a, b in zip(expected_other[1:], expected_mine[1:], strict=True))
    value = GOLD(ForwardKL(), matched_weight=1.0).per_chunk(student, teacher, VOCABULARIES)
    torch.testing.assert_close(value[0], rest)


def test_both_kinds_against_sorting_by_hand() -> None:
    p, q = draw(1, 5, seed=1).softmax(1)[0].tolist(), draw(1, 4, seed=2).softmax(1)[0].tolist()
    student = merged(draw(1, 4, seed=2), torch.tensor([2]), torch.tensor([0.4], dtype=torch.float64).log())
    teacher = merged(draw(1, 5, seed=1), torch.tensor([3]), torch.zeros(1, dtype=torch.float64))
    mine = sorted([q[0], q[1], q[3], q[2] * 0.4, q[2] * 0.6, 0.0, 0.0], reverse=True)
    other = sorted([*p, 0.0, 0.0], reverse=True)
    expected = sum(abs(a - b) for a, b in zip(mine, other, strict=True))
    found = ULD().per_chunk(student, teacher, VOCABULARIES)
    assert float(found) == pytest.approx(expected, rel=1e-12)
    # Alone: the student's ab and the teacher's bc are the chunk, which is shared; what is left is the teacher's d.
    jsd = GeneralizedJSD(0.5)
    shared = jsd.per_token(*shared_outcomes(student, teacher, VOCABULARIES))
    value = GOLD(jsd).per_chunk(student, teacher, VOCABULARIES)
    assert float(value) == pytest.approx(0.6 * float(shared) + 0.4 * p[4], rel=1e-12)


def test_sorted_distance_knows_no_names_and_fills_up() -> None:
    left = torch.tensor([[0.7, 0.2, 0.1]]).log()
    assert float(sorted_distance(left, left[:, [2, 0, 1]])) == 0
    assert float(sorted_distance(left, torch.tensor([[0.1, 0.9]]).log())) == pytest.approx(0.2 + 0.1 + 0.1)


@pytest.mark.parametrize("divergence", DIVERGENCES, ids=lambda d: type(d).__name__)
@given(st.integers(0, 100))
def test_with_one_vocabulary_chunks_of_one_token_are_compared_as_ever(divergence: object, seed: int) -> None:
    z, z_teacher, first = draw(6, 4, seed=seed), draw(6, 4, seed=seed + 1), torch.arange(6) % 4
    sides = [merged(side, first, torch.zeros(6, dtype=torch.float64)) for side in (z, z_teacher)]
    same = Vocabularies.of(torch.arange(4), 4, 4)
    found = GOLD(divergence).per_chunk(*sides, same)  # type: ignore[arg-type]
    expected = divergence.per_token(z.log_softmax(1), z_teacher.log_softmax(1))  # type: ignore[attr-defined]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", [ULD(), *(GOLD(divergence) for divergence in DIVERGENCES)])
def test_models_that_agree_have_nothing_to_learn(kind: ULD | GOLD) -> None:
    """The teacher is the student with its tokens numbered anew."""
    order = torch.tensor([2, 0, 3, 1])
    same = Vocabularies.of(order.argsort(), 4, 4)
    z, first, later = draw(5, 4), torch.tensor([0, 1, 2, 3, 0]), -draw(5, seed=3).abs() * torch.tensor([0, 0, 1, 1, 1])
    z.requires_grad_()
    found = kind.per_chunk(merged(z, first, later), merged(z.detach()[:, order], order.argsort()[first], later), same)
    assert float(found.abs().max().detach()) < 1e-12
    if not isinstance(kind, ULD) and not isinstance(kind.divergence, TotalVariation):  # these have a kink there
        assert float(torch.autograd.grad(found.sum(), z)[0].abs().max()) < 1e-12


@pytest.mark.parametrize("kind", [ULD(), *(GOLD(divergence) for divergence in DIVERGENCES)])
def test_gradients_are_those_of_finite_differences_and_pieces_change_nothing(kind: ULD | GOLD) -> None:
    hidden, weight, bias = (draw(*shape, seed=4).requires_grad_() for shape in ((5, 3), (4, 3), (4,)))
    later = (-draw(5, seed=5).abs()).requires_grad_()
    teacher = ChunkSide(
        draw(5, 3, seed=6), draw(5, 3, seed=7), None, torch.tensor([3, 1, 0, 2, 1]), -draw(5, seed=8).abs()
    )

    def values(hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, later: torch.Tensor, at_once: int):
        side = ChunkSide(hidden, weight, bias, torch.tensor([2, 0, 1, 3, 1]), later * torch.tensor([1, 0, 1, 1, 1]))
        return chunk_values(lambda s, t: kind.per_chunk(s, t, VOCABULARIES), side, teacher, 1.5, at_once)

    torch.testing.assert_close(values(hidden, weight, bias, later, 1), values(hidden, weight, bias, later, 10**6))
    assert torch.autograd.gradcheck(lambda *inputs: values(*inputs, 10), (hidden, weight, bias, later))


def test_a_token_that_one_side_never_writes_gives_no_infinite_loss() -> None:
    z, z_teacher = draw(2, 4), draw(2, 5, seed=1)
    z[:, 3], z_teacher[:, 0] = -torch.inf, -torch.inf
    z.requires_grad_()
    sides = (
        merged(z, torch.tensor([0, 2]), torch.tensor([0.0, -0.5]).double()),
        merged(z_teacher, torch.tensor([1, 3]), torch.tensor([0.0, 0.0]).double()),
    )
    for kind in (ULD(), GOLD(ForwardKL()), GOLD(ReverseKL())):
        found = kind.per_chunk(*sides, VOCABULARIES)
        assert found.isfinite().all()
        assert torch.autograd.grad(found.sum(), z, retain_graph=True)[0].isfinite().all()


def test_chunks_are_taken_out_of_a_sequence_of_tokens() -> None:
    chunks = torch.tensor([-1, 0, 0, 0, 1, -1, 2, 2])
    logs, targets = -torch.arange(8.0), torch.arange(8) + 10
    found = ChunkSide.of(Projection(torch.arange(8.0)[:, None]), chunks, targets, logs)
    assert found.first.tolist() == [11, 14, 16]
    assert found.hidden[:, 0].tolist() == [1, 4, 6]
    assert found.later.tolist() == [-5, 0, -7]
