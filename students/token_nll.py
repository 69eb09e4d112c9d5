"""The log-probability routine that every loss and every likelihood is built on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

__all__ = ["LOGITS_AT_ONCE", "nll_of_logits", "token_nll"]

LOGITS_AT_ONCE = 2**25
"""Logits alive at a time: 128 MiB in float32 (and about three times that with their softmax and gradient)."""

ON_GPU = 4 * LOGITS_AT_ONCE
"""The same for training on a GPU: every chunk adds to the gradient of the whole output layer, so fewer are faster, and
memory there is seldom that short. Our guess, not measured."""


def token_nll(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    bias: Tensor | None = None,
    logits_at_once: int | None = None,
) -> Tensor:
    """Return -log p(target) of every row, without ever holding all rows' logits when there are many.

    Args:
        hidden: Final hidden states of the supervised positions only, [tokens, features].
        head: Output embedding, [vocabulary, features].
        targets: Ids to be predicted from these positions, [tokens], int64.
        bias: Bias of the output embedding, [vocabulary].
        logits_at_once: Above this many logits the rows are taken in chunks, whose logits are recomputed in backward.
            None for what suits the device.

    Returns:
        Nats, [tokens]; float32 even for half-precision models (bfloat16 keeps two to three digits of a loss).
    """
    at_once = logits_at_once or (LOGITS_AT_ONCE if hidden.device.type == "cpu" else ON_GPU)
    rows = max(1, at_once // head.shape[0])
    if len(targets) <= rows:
        return nll_of_logits(F.linear(hidden, head, bias), targets)
    if hidden.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled(hidden.device.type):
        # Its own choice of chunk (64 rows at 49,152 x 576) is 5 to 14 times slower on a CPU than this one (measured).
        options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=rows, chunking_method=None)
        return F.linear_cross_entropy(hidden, head, targets, linear_bias=bias, reduction="none", options=options)
    # The fused operator would return half-precision losses and knows no autocast.
    pieces = [
        checkpoint(project, piece, head, bias, wanted, use_reentrant=False, preserve_rng_state=False)
        for piece, wanted in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
    ]
    return torch.cat(pieces)


def project(hidden: Tensor, head: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """Return -log p(target) of one chunk of rows, [tokens]."""
    return nll_of_logits(F.linear(hidden, head, bias), targets)


def nll_of_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """Return -log p(target) of every row of [tokens, vocabulary], in float32 or better."""
    wide = logits if logits.dtype in (torch.float32, torch.float64) else logits.float()
    return F.cross_entropy(wide, targets, reduction="none")
