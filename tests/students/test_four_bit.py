"""Weights in four bits are what the paper says they are, and become ordinary numbers again."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GPT2Config, Qwen2Config, T5Config

from lessons.errors import ConfigError
from students import RandomWeights
from students.four_bit import four_bit_parameters, quantise, weights_in, whole_tensors

# Dettmers et al. 2023, arXiv:2305.14314, appendix E: the quantiles of a normal distribution that NF4 rounds to.
NF4 = torch.tensor(
    [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
     -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
     0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]
)  # fmt: skip
CODE_TABLES = 4 * (16 + 256 + 1)
"""Bytes of the 16 values of NF4, the 256 of the scales, and the scales' mean, kept beside every matrix."""


def nearest(numbers: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return values[(numbers[..., None] - values).abs().argmin(-1)]


def in_blocks(numbers: torch.Tensor, size: int) -> torch.Tensor:
    flat = numbers.flatten()
    return torch.nn.functional.pad(flat, (0, -len(flat) % size)).view(-1, size)


def by_hand(weight: torch.Tensor, scale_values: torch.Tensor | None = None) -> torch.Tensor:
    """Quantise a matrix to NF4 and back; with the 8-bit values for scales, quantise these, too."""
    blocks = in_blocks(weight, 64)
    scales = exact = blocks.abs().amax(1)
    if scale_values is not None:
        mean = scales.mean()
        groups = in_blocks(scales - mean, 256)
        largest = groups.abs().amax(1, keepdim=True)
        scales = (nearest(groups / largest, scale_values) * largest).flatten()[: len(exact)] + mean
    rounded = nearest(blocks / exact[:, None], NF4) * scales[:, None]
    return rounded.flatten()[: weight.numel()].view(weight.shape)


def llama() -> Any:
    return RandomWeights(hidden_size=64, layers=2, heads=2, feed_forward_size=192).load(torch.float32).model


@pytest.mark.parametrize("double", [False, True])
def test_the_weights_and_the_logits_are_those_of_nf4_by_hand(double: bool) -> None:
    model, reference = llama(), llama()
    quantise(model, torch.float32, double)
    packed = four_bit_parameters(model)
    assert len(packed) == 14
    counts = [weights_in(parameter) for parameter in model.parameters()]
    assert counts == [parameter.numel() for parameter in reference.parameters()]
    assert not any("lm_head" in name or "embed" in name for name in packed)
    with torch.no_grad():
        for name, parameter in packed.items():
            scale_values = parameter.quant_state.state2.code if double else None
            matrix = reference.get_parameter(name)
            expected = by_hand(matrix, scale_values)
            assert 0.02 < (expected - matrix).norm() / matrix.norm() < 0.15
            matrix.copy_(expected)
    whole = whole_tensors(model)
    assert whole.keys() == reference.state_dict().keys()
    for name, tensor in reference.state_dict().items():
        torch.testing.assert_close(whole[name], tensor, rtol=1e-5, atol=1e-7)
    ids = torch.arange(5, 30)[None]
    torch.testing.assert_close(model(ids).logits, reference(ids).logits, rtol=1e-4, atol=1e-5)


def test_a_large_matrix_takes_a_little_more_than_a_quarter_of_its_bytes_in_bfloat16() -> None:
    model = RandomWeights(hidden_size=256, layers=1, heads=2).load(torch.bfloat16).model
    before = {name: p.numel() * p.element_size() for name, p in model.named_parameters()}
    quantise(model, torch.float32, True)
    for name, parameter in four_bit_parameters(model).items():
        count = before[name] // 2
        state = parameter.quant_state
        parts = [parameter, state.absmax, state.code, state.offset, state.state2.absmax, state.state2.code]
        found = sum(tensor.numel() * tensor.element_size() for tensor in parts)
        assert found == count // 2 + count // 64 + 4 * math.ceil(count / 64 / 256) + CODE_TABLES
        assert 0.25 < (found - CODE_TABLES) / before[name] < 0.26
    assert whole_tensors(model)["model.layers.0.mlp.up_proj.weight"].dtype == torch.bfloat16


def qwen() -> Any:
    sizes = {"vocab_size": 50, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1}
    return AutoModelForCausalLM.from_config(Qwen2Config(**sizes, num_attention_heads=2, num_key_value_heads=1))


def t5() -> Any:
    sizes = {"vocab_size": 50, "d_model": 64, "d_kv": 16, "d_ff": 64, "num_layers": 1, "num_heads": 2}
    return AutoModelForSeq2SeqLM.from_config(T5Config(**sizes, decoder_start_token_id=0))


@pytest.mark.parametrize("build", [qwen, t5])
def test_other_architectures_compute_with_what_they_are_exported_as(build: Any) -> None:
    """Qwen2 has biases, and here a layer with 96 inputs; T5 must hold some layers in float32."""
    model, plain = build().eval(), build().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    quantise(model, torch.float32, True)
    packed = four_bit_parameters(model)
    assert packed
    assert not any(part in name for name in packed for part in ("lm_head", "embed", ".wo.", "down_proj"))
    plain.load_state_dict(whole_tensors(model))
    inputs = {"input_ids": torch.arange(3, 20)[None]}
    if build is t5:
        inputs["decoder_input_ids"] = torch.arange(4)[None]
    torch.testing.assert_close(model(**inputs).logits, plain(**inputs).logits, rtol=1e-4, atol=1e-5)


def test_weights_are_computed_with_in_the_format_asked_for() -> None:
    fine, coarse = llama(), llama()
    quantise(fine, torch.float32, True)
    quantise(coarse, torch.bfloat16, True)
    ids = torch.arange(5, 30)[None]
    apart = (fine(ids).logits - coarse(ids).logits).norm() / fine(ids).logits.norm()
    assert 1e-4 < apart < 3e-2
    assert coarse(ids).logits.dtype == torch.float32


def test_what_has_no_linear_layers_that_fit_is_refused() -> None:
    small = RandomWeights(hidden_size=32, layers=1, heads=2, feed_forward_size=96).load(torch.float32).model
    other = AutoModelForCausalLM.from_config(GPT2Config(n_embd=64, n_layer=1, n_head=2))
    for model, count in ((small, 8), (other, 1)):
        with pytest.raises(
            ConfigError, match=rf"has {count} linear layers.*a multiple of 64 inputs.*leave out student"
        ):
            quantise(model, torch.float32, True)
