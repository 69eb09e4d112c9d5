"""The optimiser that every module takes where none is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import torch
from lightning.pytorch.plugins.precision import Precision

from lightning_modules.gradient_norm import clips_as_torch

__all__ = ["AdamWSettings", "adamw"]

FUSED_ON = ("cpu", "cuda")


class AdamWSettings(TypedDict):
    """Settings of `torch.optim.AdamW`."""

    lr: float
    """Learning rate."""
    weight_decay: float
    """Decay of the weights, times the rate, at every update."""


def adamw(
    parameters: Sequence[torch.nn.Parameter], settings: AdamWSettings, precision: Precision
) -> torch.optim.Optimizer:
    """Return AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101) over parameters, fused where that can be.

    The fused one goes over the weights once. Not for sharded parameters, nor in precisions with a clipping of their
    own: Lightning's mixed precision refuses to clip for an optimiser that is fused.

    Args:
        parameters: What trains, on its device.
        settings: Rate and decay.
        precision: The trainer's.
    """
    whole = all(p.device.type in FUSED_ON and not hasattr(p, "full_tensor") for p in parameters)
    return torch.optim.AdamW(parameters, **settings, fused=(whole and clips_as_torch(precision)) or None)
