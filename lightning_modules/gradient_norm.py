"""The size of an update's gradient and the limit put on it, from one pass over all gradients."""

from __future__ import annotations

from lightning.pytorch.plugins.precision import Precision
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer

__all__ = ["clips_as_torch", "leaves_out_infinite", "limit_norm"]


def limit_norm(optimizer: Optimizer, limit: float | None = None) -> Tensor:
    """Return the L2 norm over all gradients that an optimiser is about to use, and scale them down to a limit.

    To the last bit what `torch.nn.utils.clip_grad_norm_` does: these are its two halves.

    Args:
        optimizer: The optimiser.
        limit: The largest norm that stays as it is; None or 0 leaves all.

    Returns:
        The norm before scaling, [], whole on every process; 0 where there are no gradients.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    norm = get_total_norm([p.grad for p in parameters])
    if limit:
        clip_grads_with_norm_(parameters, limit, norm)
    whole: Tensor = norm.full_tensor() if hasattr(norm, "full_tensor") else norm  # sharded parameters
    return whole


def clips_as_torch(precision: Precision) -> bool:
    """Return whether Lightning limits norms by `torch.nn.utils.clip_grad_norm_` alone in this precision."""
    kind = type(precision)
    return kind.clip_gradients is Precision.clip_gradients and kind.clip_grad_by_norm is Precision.clip_grad_by_norm


def leaves_out_infinite(precision: Precision) -> bool:
    """Return whether an update whose gradient is not finite is left out, as where float16 is scaled: no collapse."""
    return getattr(precision, "scaler", None) is not None
