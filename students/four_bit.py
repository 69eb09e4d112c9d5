"""Linear layers that hold their weights in four bits, by bitsandbytes, and those weights as ordinary numbers again.

A weight matrix is cut into blocks of 64 numbers. Of each block its largest magnitude c is kept, and of each number the
nearest of the 16 values of NF4, the quantiles of a normal distribution scaled to [-1, 1], in 4 bits:
w ~ c * value[k]. With double quantisation the c themselves are held in 8 bits, in blocks of 256. That makes
4 + 8/64 + 32/(64 * 256) = 4.127 bits a number (Dettmers et al. 2023, QLoRA, arXiv:2305.14314, section 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError, MissingDependency

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, torch

__all__ = ["bytes_quantised", "four_bit_parameters", "quantise", "weights_in", "whole_tensors"]

BLOCK = 64
"""Numbers that share a scale."""
SCALES_BLOCK = 256
"""Scales that share one of theirs, with double quantisation."""


def quantise(model: PreTrainedModel, compute: torch.dtype, double_quantisation: bool) -> None:
    """Put layers with weights in four bits in the place of a model's linear layers, one by one.

    The head stays as it is, and so do layers whose inputs are no multiple of 64: rows and blocks do not coincide there.

    Args:
        model: What is changed.
        compute: Format that the weights are turned into when a layer runs.
        double_quantisation: Whether the scales of the blocks are quantised, too.

    Raises:
        MissingDependency: bitsandbytes is not installed.
        ConfigError: The model has no such layers.
    """
    names = quantised_layers(model)
    if not names:
        count = len(linear_layers(model))
        raise ConfigError(
            f"{type(model).__name__} has {count} linear layers (torch.nn.Linear), and none that can be held in four "
            f"bits. Needed are layers inside the model with a multiple of {BLOCK} inputs, as Llama, Qwen and Gemma "
            "have them. Choose other weights, or leave out students.FourBit."
        )
    for name in names:
        parent, _, last = name.rpartition(".")
        setattr(
            model.get_submodule(parent), last, four_bit_layer(model.get_submodule(name), compute, double_quantisation)
        )
    model.is_loaded_in_4bit = True  # type: ignore[assignment]  # how peft knows which of its layers to use


def linear_layers(model: PreTrainedModel) -> list[str]:
    """Return the names of a model's linear layers."""
    import torch

    return [name for name, module in model.named_modules() if type(module) is torch.nn.Linear]


def quantised_layers(model: PreTrainedModel) -> list[str]:
    """Return the names of the layers that `quantise` takes."""
    return [name for name in linear_layers(model) if not is_kept(model, name)]


def bytes_quantised(model: PreTrainedModel, width: int, double_quantisation: bool) -> int:
    """Return the bytes that a model will take in memory once it is quantised.

    Args:
        model: The model as it is now, or its outline on torch's meta device.
        width: Bytes of each number that is not quantised.
        double_quantisation: Whether the scales of the blocks are quantised, too.
    """
    everything = sum(parameter.numel() for parameter in model.parameters())
    packed = sum(model.get_parameter(f"{name}.weight").numel() for name in quantised_layers(model))
    bits = 4 + (8 / BLOCK + 32 / (BLOCK * SCALES_BLOCK) if double_quantisation else 32 / BLOCK)
    return round(packed * bits / 8) + (everything - packed) * width


def is_kept(model: Any, name: str) -> bool:
    """Whether a layer stays as it is.

    It is the head, or the architecture must hold it in float32 (T5's outputs), or a block would reach over the end of a
    row. There bitsandbytes 0.50.2 takes wrong scales on a CPU with AVX-512: a matrix of 48 x 48 came back 40% away from
    what it was, in place of 9%.
    """
    module = model.get_submodule(name)
    if module.in_features % BLOCK:
        return True
    if module is model.get_output_embeddings() or module is getattr(model, "score", None):
        return True
    return bool(set(name.split(".")) & set(model._keep_in_fp32_modules or ()))


def four_bit_layer(linear: Any, compute: torch.dtype, double_quantisation: bool) -> torch.nn.Module:
    """Return a layer that does what a linear layer does, with its weights in four bits.

    Raises:
        MissingDependency: bitsandbytes is not installed.
    """
    try:
        import bitsandbytes.nn
    except ImportError as error:
        raise MissingDependency(
            "Weights in four bits need the package bitsandbytes, which is not installed. Install it with: "
            "pip install 'tutelage[qlora]', or leave out students.FourBit."
        ) from error
    kinds: Any = bitsandbytes.nn  # their types are not for users
    layer: Any = kinds.Linear4bit(
        linear.in_features, linear.out_features, linear.bias is not None, compute, double_quantisation, "nf4",
        device="meta",
    )  # fmt: skip
    weight = kinds.Params4bit(  # it is not trained unless asked to be
        linear.weight.data, compress_statistics=double_quantisation, quant_type="nf4", module=layer
    )
    layer.weight = weight.to(linear.weight.device)  # which quantises
    layer.bias = linear.bias
    # Where a CPU multiplies bfloat16 natively, bitsandbytes would pack the weights anew at the first evaluation, for
    # good, and would train on through other code than before.
    layer.support_avx512bf16_for_cpu = False
    made: torch.nn.Module = layer.train(linear.training)
    return made


def four_bit_parameters(model: torch.nn.Module) -> dict[str, Any]:
    """Return a model's parameters that are held in four bits, by name."""
    named = model.named_parameters(remove_duplicate=False)
    return {name: parameter for name, parameter in named if getattr(parameter, "quant_state", None) is not None}


def weights_in(parameter: torch.Tensor) -> int:
    """Return how many weights a parameter holds; those in four bits are packed, two in a byte."""
    packed = getattr(parameter, "quant_state", None)
    return parameter.numel() if packed is None else int(packed.shape.numel())


def whole_tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a model's state dict with weights that are held in four bits as ordinary numbers.

    They have the format that they had before; what belongs to their quantisation is left out.
    """
    packed = four_bit_parameters(model)
    found = {}
    for name, tensor in model.state_dict().items():
        if name in packed:
            found[name] = dequantised(packed[name])
        elif name.partition(".weight.")[0] + ".weight" not in packed:  # as in q_proj.weight.absmax
            found[name] = tensor.detach()
    return found


def dequantised(parameter: Any) -> torch.Tensor:
    """Return the numbers that a parameter in four bits stands for, in the shape of the matrix."""
    from bitsandbytes.functional import dequantize_4bit

    whole: torch.Tensor = dequantize_4bit(parameter.data, parameter.quant_state)
    return whole
