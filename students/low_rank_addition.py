"""What a LoRA layer adds to its output, added where that output lies.

peft computes y + (x A^T B^T) * s, which makes two tensors as large as the output and passes over it three times, and
again in the backward pass. Here one product adds to the output, and s meets the narrow product x A^T. The numbers are
the same up to rounding; benchmarks/README.md has the time.

Under weights in bfloat16 the adapter's are float32, and peft computes all of the addition in float32, for which a GPU
has a fraction of the speed. Here A and B are rounded for the products, as autocast does, and learn in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import bnb
from peft.tuners.lora.layer import Linear, LoraVariant
from torch import Tensor
from torch.nn.functional import linear

__all__ = ["add_where_it_lies"]


class Addition(torch.autograd.Function):
    """y + s * h B^T, written over y."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, inner: Tensor, up: Tensor, scale: float) -> Tensor:
        """Return the output with the addition.

        Args:
            ctx: What the backward pass needs.
            output: y, contiguous, [..., outputs]; changed.
            inner: h, [..., rank].
            up: B, [outputs, rank].
            scale: s.
        """
        ctx.mark_dirty(output)
        ctx.save_for_backward(inner, up)
        ctx.scale = scale
        outputs, rank = up.shape
        output.view(-1, outputs).addmm_(inner.reshape(-1, rank), up.T, alpha=scale)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Return the gradients of y, h and B."""
        (slope,) = gradients
        inner, up = ctx.saved_tensors
        of_inner = slope @ up * ctx.scale if ctx.needs_input_grad[1] else None
        of_up = None
        if ctx.needs_input_grad[2]:
            outputs, rank = up.shape
            of_up = slope.reshape(-1, outputs).T @ inner.reshape(-1, rank) * ctx.scale
        return slope, of_inner, of_up, None


class PlainAddition(LoraVariant):
    """Plain LoRA as what peft calls a variant: the place where a layer may compute its addition in its own way."""

    @staticmethod
    def init(module: Any, adapter_name: str, **settings: Any) -> None:
        """Nothing is added to a layer."""

    @staticmethod
    def forward(module: Any, active_adapter: str, x: Tensor, result: Tensor, **settings: Any) -> Tensor:
        """Return the base layer's result with the addition, computed in the format of the layer's input.

        Not in place where the result is a view, as of a layer with bias: torch would copy the gradient of what it is a
        view of.
        """
        down, up, scale = (parts[active_adapter] for parts in (module.lora_A, module.lora_B, module.scaling))
        inner = linear(module.lora_dropout[active_adapter](x), down.weight.to(x.dtype))
        matrix = up.weight.to(inner.dtype)
        if inner.dtype != result.dtype or result._is_view() or not result.is_contiguous():
            return result + linear(inner * scale, matrix)
        added: Tensor = Addition.apply(result, inner, matrix, scale)  # type: ignore[no-untyped-call]
        return added

    @staticmethod
    def merge_safe(module: Any, active_adapter: str, orig_weight: Tensor) -> Tensor:
        """Return the weight with the addition, as a new tensor."""
        addition: Tensor = module.get_delta_weight(active_adapter)
        return (orig_weight.to(addition.dtype) + addition).to(orig_weight.dtype)

    @staticmethod
    def merge_unsafe(module: Any, active_adapter: str, orig_weight: Tensor) -> None:
        """Add to the weight."""
        orig_weight.data += module.get_delta_weight(active_adapter)

    @staticmethod
    def unmerge(module: Any, active_adapter: str, orig_weight: Tensor) -> Tensor:
        """Return the weight without the addition."""
        addition: Tensor = module.get_delta_weight(active_adapter)
        return orig_weight.data - addition.to(orig_weight.dtype)


def add_where_it_lies(model: torch.nn.Module) -> None:
    """Let every plain LoRA layer around a linear layer of a model, in four bits or not, add in place.

    Left as they are: variants of peft's own (DoRA), additions with a bias, and GPT-2's layers.
    """
    for layer in filter(overwritable, model.modules()):
        add_in_place(layer)


def overwritable(layer: Any) -> bool:
    """Return whether a module is an adapted linear layer whose result may be written over."""
    if type(layer) is Linear:
        return type(layer.get_base_layer()) is torch.nn.Linear
    return type(layer) is getattr(bnb, "Linear4bit", None)  # there if bitsandbytes is; its result is a copy


def add_in_place(layer: Any) -> None:
    """Let the plain adapters of a layer add in place."""
    for adapter in layer.lora_A:
        if not layer.lora_bias[adapter] and adapter not in layer.lora_variant:
            layer.lora_variant[adapter] = PlainAddition()
            layer.cast_input_dtype_enabled = False  # peft would compute in the adapter's float32
