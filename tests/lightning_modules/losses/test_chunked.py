"""Chunks against all logits at once, in value and gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Gemma2Config, Gemma2ForCausalLM

from lightning_modules.losses import (
    Projection,
    TopK,
    chunked_terms,
    generalized_jsd,
    log_probabilities,
    projection_of,
    top_k_log_probabilities,
)
from lightning_modules.losses.chunked import Sizes, Work
from students import RandomWeights
from students.split_model import SplitModel

TOKENS, STUDENT_FEATURES, TEACHER_FEATURES, VOCABULARY = 23, 5, 6, 40
SMALL = Sizes(block=7 * VOCABULARY, piece=3 * VOCABULARY)


def terms(student: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
    nll = F.cross_entropy(student.float() if student.dtype.itemsize == 2 else student, targets, reduction="none")
    return torch.stack([nll, generalized_jsd(*log_probabilities(student, teacher, 2.0), 0.3)])


class Sides:
    """Student and teacher with inputs that learn."""

    def __init__(
        self, dtype: torch.dtype = torch.float32, bias: bool = True, teacher_vocabulary: int = VOCABULARY,
        tokens: int = TOKENS,
    ) -> None:  # fmt: skip
        draw = torch.Generator().manual_seed(0)

        def random(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=draw, dtype=torch.float64).to(dtype)

        self.learns = [random(tokens, STUDENT_FEATURES), random(VOCABULARY, STUDENT_FEATURES)]
        self.learns += [random(VOCABULARY)] if bias else []
        for tensor in self.learns:
            tensor.requires_grad_()
        self.student = Projection(*self.learns)
        self.teacher = Projection(random(tokens, TEACHER_FEATURES), random(teacher_vocabulary, TEACHER_FEATURES))
        self.targets = torch.randint(0, VOCABULARY, (tokens,), generator=draw)
        self.upstream = random(2, tokens).to(torch.promote_types(dtype, torch.float32))

    def whole(self) -> Tensor:
        return terms(F.linear(*self.student), F.linear(*self.teacher[:2]), self.targets)

    @property
    def slopes(self) -> Tensor:
        return self.upstream / 4  # known but for a factor that is common to all

    def gradients(self, value: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad(value, self.learns, self.upstream))


@pytest.mark.parametrize("rows", [1, 7, TOKENS, 100])
@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("teacher_vocabulary", [VOCABULARY, VOCABULARY + 9, VOCABULARY - 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("known", [False, True], ids=["", "known slopes"])
def test_chunks_equal_all_at_once(
    rows: int, bias: bool, teacher_vocabulary: int, dtype: torch.dtype, known: bool
) -> None:
    sides = Sides(dtype, bias, teacher_vocabulary)
    slopes, sizes = sides.slopes if known else None, Sizes(rows * VOCABULARY, 2 * VOCABULARY)
    found = chunked_terms(terms, sides.student, sides.teacher, sides.targets, slopes, sizes)
    whole = sides.whole()
    tolerance = 1e-6 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(found, whole, rtol=tolerance, atol=tolerance)
    for mine, other in zip(sides.gradients(found), sides.gradients(whole), strict=True):
        torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance * float(other.abs().max()))


@pytest.mark.parametrize("known", [False, True], ids=["", "known slopes"])
def test_the_slope_is_that_of_finite_differences_and_none_goes_to_the_teacher(known: bool) -> None:
    sides = Sides(torch.float64, tokens=4)
    teacher = Projection(sides.teacher.hidden.requires_grad_(), sides.teacher.weight.requires_grad_())
    slopes, sizes = sides.slopes if known else None, Sizes(3 * VOCABULARY, 1)

    def chunked(*learns: Tensor) -> Tensor:
        found = chunked_terms(terms, Projection(*learns), teacher, sides.targets, slopes, sizes)
        return (found * sides.upstream).sum() if known else found

    assert torch.autograd.gradcheck(chunked, tuple(sides.learns))
    chunked(*sides.learns).sum().backward()
    assert teacher.hidden.grad is None
    assert teacher.weight.grad is None


@pytest.mark.parametrize("known", [False, True], ids=["", "known slopes"])
def test_a_frozen_output_layer_gets_no_gradient(known: bool) -> None:
    sides = Sides()
    sides.student.weight.requires_grad_(False)
    sides.student.bias.requires_grad_(False)
    slopes = torch.ones(2, TOKENS) if known else None
    made = chunked_terms(terms, sides.student, sides.teacher, sides.targets, slopes, SMALL)
    made.sum().backward()
    assert sides.student.weight.grad is None
    assert sides.student.hidden.grad is not None


@pytest.mark.parametrize("factor", [0.0, 3.0])
def test_slopes_that_were_told_are_used_once_and_only_scaled(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = Sides()
    expected = sides.gradients(sides.whole() * factor)
    passes = []
    once = Work.with_gradients
    monkeypatch.setattr(Work, "with_gradients", lambda *a: passes.append("pass") or once(*a))
    found = sides.gradients(
        chunked_terms(terms, sides.student, sides.teacher, sides.targets, sides.slopes, SMALL) * factor
    )
    assert passes == ["pass"]
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6 * float(other.abs().max()))


@pytest.mark.parametrize("told", [torch.zeros(2, TOKENS), torch.ones(2, TOKENS)], ids=["none", "others"])
def test_slopes_that_turn_out_wrong_cost_time_and_nothing_else(told: Tensor) -> None:
    sides = Sides()
    found = sides.gradients(chunked_terms(terms, sides.student, sides.teacher, sides.targets, told, SMALL))
    for mine, other in zip(found, sides.gradients(sides.whole()), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6 * float(other.abs().max()))


def test_without_gradients_none_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = Sides()
    monkeypatch.delattr(Work, "with_gradients")
    with torch.no_grad():
        found = chunked_terms(terms, sides.student, sides.teacher, sides.targets, sides.slopes, SMALL)
    torch.testing.assert_close(found, sides.whole().detach())


def test_a_teacher_that_told_its_most_probable_tokens_is_taken_piece_by_piece() -> None:
    def stored(student: Tensor, said: TopK, targets: Tensor) -> Tensor:
        nll = F.cross_entropy(student, targets, reduction="none")
        return torch.stack([nll, generalized_jsd(*top_k_log_probabilities(student, said, 2.0), 0.3)])

    sides = Sides()
    logs, ids = F.linear(*sides.teacher[:2]).log_softmax(-1).topk(5)
    known = TopK(ids, logs, 1 - logs.exp().sum(-1))
    found = chunked_terms(stored, sides.student, known, sides.targets, sides.slopes, SMALL)
    whole = stored(F.linear(*sides.student), known, sides.targets)
    torch.testing.assert_close(found, whole, rtol=1e-6, atol=1e-6)
    for mine, other in zip(sides.gradients(found), sides.gradients(whole), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6 * float(other.abs().max()))


@pytest.mark.parametrize("autocast", [False, True], ids=["weights", "autocast"])
@pytest.mark.parametrize("known", [False, True], ids=["", "known slopes"])
def test_half_precision_logits_are_compared_in_float32(autocast: bool, known: bool) -> None:
    half, exact = Sides(torch.float32 if autocast else torch.bfloat16), Sides(torch.float64)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        slopes = half.slopes if known else None
        found = chunked_terms(terms, half.student, half.teacher, half.targets, slopes, SMALL)
        whole = half.whole()
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, whole, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found.double(), exact.whole(), rtol=0.05, atol=0.05)
    for mine, other, truth in zip(
        half.gradients(found), half.gradients(whole), exact.gradients(exact.whole()), strict=True
    ):
        assert mine.dtype == other.dtype
        scale = float(truth.abs().max())
        torch.testing.assert_close(mine.double(), other.double(), rtol=0.02, atol=0.02 * scale)
        torch.testing.assert_close(mine.double(), truth, rtol=0.1, atol=0.1 * scale)


class Largest(TorchDispatchMode):
    """Notes the most tokens any tensor with a vocabulary has."""

    rows = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(tensor, Tensor) and tensor.dim() == 2 and tensor.shape[1] == VOCABULARY:
                self.rows = max(self.rows, len(tensor))
        return made


@pytest.mark.parametrize("known", [False, True], ids=["", "known slopes"])
def test_no_tensor_ever_holds_the_logits_of_all_tokens(known: bool) -> None:
    sides = Sides(bias=False)
    with Largest() as chunked:
        slopes = torch.ones(2, TOKENS) if known else None
        chunked_terms(terms, sides.student, sides.teacher, sides.targets, slopes, SMALL).sum().backward()
    with Largest() as whole:
        sides.whole().sum().backward()
    assert (chunked.rows, whole.rows) == (7, TOKENS)


def capped() -> Gemma2ForCausalLM:
    return Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, head_dim=8, final_logit_softcapping=0.5, attn_implementation="eager",
        )
    )  # fmt: skip


@pytest.mark.parametrize("splits", [True, False])
def test_a_model_that_does_more_than_project_gives_its_own_logits(splits: bool) -> None:
    weights = RandomWeights(hidden_size=16, layers=2, heads=2, tie_embeddings=False)
    model = weights.load(torch.float32).model if splits else capped()
    split = SplitModel(model.eval()).check()
    assert split.splits == splits
    ids = torch.arange(12).view(3, 4)
    positions = torch.tensor([0, 2, 5, 11])
    made = projection_of(split, ids, positions)
    assert made.vocabulary == model.config.vocab_size
    whole = model(input_ids=ids).logits.flatten(0, 1)[positions]
    targets = torch.tensor([1, 2, 3, 4])
    found = chunked_terms(terms, made, Projection(whole.detach() * 2), targets, sizes=Sizes(1, 1))
    expected = terms(whole, whole.detach() * 2, targets)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    mine, other = (torch.autograd.grad(value.sum(), list(model.parameters())) for value in (found, expected))
    for one, two in zip(mine, other, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)
