"""The optimiser that a user names, made as named, or refused in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch.optim import Optimizer

from lessons.errors import ConfigError
from lightning_modules.gradient_norm import clips_as_torch

__all__ = ["chosen"]


def chosen(
    make: Callable[[Iterable[Any]], Optimizer], parameters: Sequence[torch.nn.Parameter], trainer: Trainer
) -> Optimizer:
    """Return the optimiser that was named, over parameters.

    Args:
        make: Its class and settings, without the parameters.
        parameters: What trains, on its device.
        trainer: Whose precision and clipping it must go together with.

    Raises:
        ConfigError: It refuses its settings, or Lightning would refuse it at the first update.
    """
    try:
        made = make(parameters)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"The optimiser refuses its settings: {error}. Allowed is what its class takes. Correct model.optimizer."
        ) from error
    precision = trainer.precision_plugin
    if trainer.gradient_clip_val and not clips_as_torch(precision) and getattr(made, "_step_supports_amp_scaling", 0):
        raise ConfigError(
            f"{type(made).__name__} is fused, and Lightning cannot clip the gradients of a fused optimiser under "
            f"trainer.precision {precision.precision}. Allowed are one that is not fused, or no clipping. Leave out "
            "`fused`, or set trainer.gradient_clip_val to null."
        )
    return made
