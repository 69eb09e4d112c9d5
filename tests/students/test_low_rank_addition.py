from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from students import FourBit, LoRA, Student
from students.low_rank_addition import Addition, PlainAddition
from tests.students.conftest import tiny_weights

OUTPUTS, INPUTS, RANK = 5, 7, 3


def layer(bias: bool = False, **settings: Any) -> Any:
    """Return an adapted linear layer whose addition is not zero."""
    from peft import LoraConfig, get_peft_model

    from students.low_rank_addition import add_where_it_lies

    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"linear": torch.nn.Linear(INPUTS, OUTPUTS, bias)})
    wrapped = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=6, target_modules=["linear"], **settings))
    add_where_it_lies(wrapped)
    linear = wrapped.base_model.model["linear"]
    with torch.no_grad():
        linear.lora_B["default"].weight.normal_()
    return linear


def as_peft_has_it(linear: Any) -> None:
    """Take our way of adding out again."""
    assert isinstance(linear.lora_variant.pop("default"), PlainAddition)
    linear.cast_input_dtype_enabled = True


def run(linear: Any, x: Tensor) -> list[Tensor]:
    """Return output and all gradients."""
    linear.zero_grad()
    x = x.detach().requires_grad_()
    torch.manual_seed(1)  # dropout
    output = linear(x)
    (output.float() * torch.arange(output.numel()).view_as(output)).sum().backward()
    trained = [p.grad for p in linear.parameters() if p.requires_grad]
    assert len(trained) == 2
    return [output, x.grad, *trained]  # type: ignore[list-item]


@pytest.mark.parametrize("shape", [(INPUTS,), (4, INPUTS), (2, 3, INPUTS), (2, 3, 4, INPUTS)])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("bias", [False, True])
def test_values_and_gradients_are_those_of_peft(shape: tuple[int, ...], dropout: float, bias: bool) -> None:
    linear, x = layer(bias, lora_dropout=dropout).double(), torch.randn(shape, dtype=torch.float64)
    ours = run(linear, x)
    as_peft_has_it(linear)
    torch.testing.assert_close(ours, run(linear, x), rtol=1e-12, atol=1e-12)


def test_the_gradient_is_that_of_the_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = ((2, 3, OUTPUTS), (2, 3, RANK), (OUTPUTS, RANK))
    output, inner, up = (torch.randn(size, dtype=torch.float64, generator=generator).requires_grad_() for size in sizes)
    added: Callable[..., Tensor] = lambda y, h, b: Addition.apply(y.clone(), h, b, 1.5)  # type: ignore[no-untyped-call] # noqa: E731
    torch.testing.assert_close(added(output, inner, up), output + 1.5 * inner @ up.T)
    assert torch.autograd.gradcheck(added, (output, inner, up))
    assert torch.autograd.gradgradcheck(added, (output, inner, up))


@pytest.mark.parametrize("autocast", [False, True])
def test_the_addition_lies_where_the_layers_output_lay(autocast: bool) -> None:
    linear, places = layer(), []
    linear.base_layer.register_forward_hook(lambda module, args, output: places.append(output.data_ptr()))
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        assert linear(torch.randn(2, 4, INPUTS)).data_ptr() == places[0]


@pytest.mark.parametrize("base", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("autocast", [False, True])
def test_narrow_formats_differ_from_float32_by_their_rounding(base: torch.dtype, autocast: bool) -> None:
    """An adapter in float32 on weights in bfloat16, or under autocast, beside peft's own addition."""
    linear = layer()
    linear.base_layer.to(base)
    x = torch.randn(2, 3, INPUTS, dtype=base)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        ours = run(linear, x)
        as_peft_has_it(linear)
        theirs = run(linear, x)
    assert [tensor.dtype for tensor in ours] == [tensor.dtype for tensor in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert other.float().norm() > 0
        assert (mine.float() - other.float()).norm() < 0.01 * other.float().norm()


@pytest.mark.parametrize("safe", [False, True])
def test_merging_and_taking_out_again(safe: bool) -> None:
    linear, x = layer(), torch.randn(2, INPUTS)
    before, weight = linear(x), linear.base_layer.weight.detach().clone()
    linear.merge(safe_merge=safe)
    torch.testing.assert_close(linear(x), before)
    torch.testing.assert_close(linear.base_layer.weight, weight + linear.get_delta_weight("default"))
    linear.unmerge()
    torch.testing.assert_close(linear.base_layer.weight, weight)
    linear.enable_adapters(False)
    torch.testing.assert_close(linear(x), torch.nn.functional.linear(x, weight, linear.base_layer.bias))


def test_every_plain_layer_of_a_student_adds_so_and_no_other() -> None:
    assert additions(Student(tiny_weights(), LoRA(rank=4)).model) == {PlainAddition}
    assert additions(Student(FourBit(tiny_weights()), LoRA(rank=4)).model) == {PlainAddition}
    assert PlainAddition not in additions(Student(tiny_weights(), LoRA(rank=4, dora=True)).model)
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=8, n_embd=8, n_layer=1, n_head=1))
    assert additions(LoRA(rank=4, target_modules=["c_attn"]).attach(gpt2)) == {type(None)}


def additions(model: torch.nn.Module) -> set[type]:
    """Return how the adapted layers of a model add."""
    from peft.tuners.lora.layer import LoraLayer

    return {type(layer.lora_variant.get("default")) for layer in model.modules() if isinstance(layer, LoraLayer)}


def test_in_four_bits_too_values_and_gradients_are_those_of_peft() -> None:
    model = Student(FourBit(tiny_weights()), LoRA(rank=4)).model.train()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    found = []
    for _ in range(2):
        ids = torch.arange(5, 20)[None]
        model.zero_grad()
        loss = model(ids, labels=ids, use_cache=False).loss
        loss.backward()
        found.append([loss.detach(), *(p.grad for p in model.parameters() if p.requires_grad)])
        for layer in model.modules():
            if getattr(layer, "lora_variant", None):
                as_peft_has_it(layer)
    assert len(found[0]) == 1 + 28
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-6)
