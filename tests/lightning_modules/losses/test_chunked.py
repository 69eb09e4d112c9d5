"""Chunks against all logits at once, in value and gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Gemma2Config, Gemma2ForCausalLM

from lightning_modules.losses import Projection, chunked_terms, generalized_jsd, log_probabilities, projection_of
from students import RandomWeights
from students.split_model import SplitModel

TOKENS, STUDENT_FEATURES, TEACHER_FEATURES, VOCABULARY = 23, 5, 6, 40


def terms(student: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
    nll = F.cross_entropy(student.float() if student.dtype.itemsize == 2 else student, targets, reduction="none")
    return torch.stack([nll, generalized_jsd(*log_probabilities(student, teacher, 2.0), 0.3)])


class Sides:
    """Student and teacher with inputs that learn."""

    def __init__(self, dtype: torch.dtype = torch.float32, bias: bool = True, teacher_vocabulary: int = VOCABULARY):
        draw = torch.Generator().manual_seed(0)

        def random(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=draw, dtype=torch.float64).to(dtype)

        self.learns = [random(TOKENS, STUDENT_FEATURES), random(VOCABULARY, STUDENT_FEATURES)]
        self.learns += [random(VOCABULARY)] if bias else []
        for tensor in self.learns:
            tensor.requires_grad_()
        self.student = Projection(*self.learns)
        self.teacher = Projection(random(TOKENS, TEACHER_FEATURES), random(teacher_vocabulary, TEACHER_FEATURES))
        self.targets = torch.randint(0, VOCABULARY, (TOKENS,), generator=draw)
        self.upstream = random(2, TOKENS).to(torch.promote_types(dtype, torch.float32))

    def whole(self) -> Tensor:
        return terms(F.linear(*self.student), F.linear(*self.teacher[:2]), self.targets)

    def gradients(self, value: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad(value, self.learns, self.upstream))


@pytest.mark.parametrize("rows", [1, 7, TOKENS, 100])
@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("teacher_vocabulary", [VOCABULARY, VOCABULARY + 9, VOCABULARY - 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_chunks_equal_all_at_once(rows: int, bias: bool, teacher_vocabulary: int, dtype: torch.dtype) -> None:
    sides = Sides(dtype, bias, teacher_vocabulary)
    at_once = rows * max(VOCABULARY, teacher_vocabulary)
    found = chunked_terms(terms, sides.student, sides.teacher, sides.targets, logits_at_once=at_once)
    whole = sides.whole()
    tolerance = 1e-6 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(found, whole, rtol=tolerance, atol=tolerance)
    for mine, other in zip(sides.gradients(found), sides.gradients(whole), strict=True):
        torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance * float(other.abs().max()))


def test_the_slope_is_that_of_finite_differences_and_none_goes_to_the_teacher() -> None:
    sides = Sides(torch.float64)
    teacher = Projection(sides.teacher.hidden.requires_grad_(), sides.teacher.weight.requires_grad_())

    def chunked(*learns: Tensor) -> Tensor:
        return chunked_terms(terms, Projection(*learns), teacher, sides.targets, logits_at_once=5 * VOCABULARY)

    assert torch.autograd.gradcheck(chunked, tuple(sides.learns))
    chunked(*sides.learns).sum().backward()
    assert teacher.hidden.grad is None
    assert teacher.weight.grad is None


def test_a_frozen_output_layer_gets_no_gradient() -> None:
    sides = Sides()
    sides.student.weight.requires_grad_(False)
    sides.student.bias.requires_grad_(False)
    chunked_terms(terms, sides.student, sides.teacher, sides.targets, 3 * VOCABULARY).sum().backward()
    assert sides.student.weight.grad is None
    assert sides.student.hidden.grad is not None


@pytest.mark.parametrize("autocast", [False, True], ids=["weights", "autocast"])
def test_half_precision_logits_are_compared_in_float32(autocast: bool) -> None:
    half, exact = Sides(torch.float32 if autocast else torch.bfloat16), Sides(torch.float64)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found = chunked_terms(terms, half.student, half.teacher, half.targets, 7 * VOCABULARY)
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


def test_no_tensor_ever_holds_the_logits_of_all_tokens() -> None:
    sides = Sides(bias=False)
    with Largest() as chunked:
        chunked_terms(terms, sides.student, sides.teacher, sides.targets, 7 * VOCABULARY).sum().backward()
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
    found = chunked_terms(terms, made, Projection(whole.detach() * 2), targets, logits_at_once=1)
    expected = terms(whole, whole.detach() * 2, targets)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    mine, other = (torch.autograd.grad(value.sum(), list(model.parameters())) for value in (found, expected))
    for one, two in zip(mine, other, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)
