"""The size of an update's gradient, before it is clipped."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Optimizer

__all__ = ["gradient_norm"]


def gradient_norm(optimizer: Optimizer) -> Tensor:
    """Return the L2 norm over all gradients that an optimiser is about to use; 0 where there are none."""
    grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    if not grads:
        return torch.zeros(())
    norm = torch.nn.utils.get_total_norm(grads).detach()
    whole: Tensor = norm.full_tensor() if hasattr(norm, "full_tensor") else norm  # sharded parameters
    return whole
