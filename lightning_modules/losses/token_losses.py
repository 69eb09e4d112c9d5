"""The log-probability routine every loss is built on, and the sums it is normalised from.

Nothing here divides: a loss is a sum over supervised tokens, and its denominators belong to the whole optimiser step
(`lightning_modules.collate.Batch.totals`), never to a micro-batch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

__all__ = ["PartSums", "part_sums", "token_nll", "weighted_loss"]

LOGITS_AT_ONCE = 2**25
"""Logits alive at a time: 128 MiB in float32 (and about three times that with their softmax and gradient)."""


class PartSums(NamedTuple):
    """What the supervised tokens of a micro-batch add up to, by part. Sums and counts, not means."""

    nll: Tensor
    """Weighted negative log-likelihood in nats, [parts], float32 or better."""
    weight: Tensor
    """Total target weight, [parts]."""
    tokens: Tensor
    """Number of supervised tokens, [parts], int64."""


def token_nll(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    bias: Tensor | None = None,
    logits_at_once: int = LOGITS_AT_ONCE,
) -> Tensor:
    """Return -log p(target) of every row, without ever holding all rows' logits when there are many.

    Args:
        hidden: Final hidden states of the supervised positions only, [tokens, features].
        head: Output embedding, [vocabulary, features].
        targets: Ids to be predicted from these positions, [tokens], int64.
        bias: Bias of the output embedding, [vocabulary].
        logits_at_once: Above this many logits the rows are taken in chunks whose logits are recomputed in backward.

    Returns:
        Nats, [tokens]; float32 even for half-precision models (bfloat16 keeps two to three digits of a loss).
    """
    rows = max(1, logits_at_once // head.shape[0])
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


def part_sums(nll: Tensor, weights: Tensor, parts: Tensor, count: int) -> PartSums:
    """Add up weighted losses by part.

    Args:
        nll: Loss of every supervised token, [tokens].
        weights: Weight of every supervised token, [tokens].
        parts: Which part each token belongs to, [tokens], int64 in [0, count).
        count: Number of parts.
    """
    weights = weights.to(nll.dtype)
    zeros = nll.new_zeros(count)
    return PartSums(
        nll=zeros.index_add(0, parts, nll * weights),
        weight=zeros.index_add(0, parts, weights),
        tokens=torch.bincount(parts[weights != 0], minlength=count),
    )


def weighted_loss(nll_sums: Tensor, totals: Tensor, part_weights: Tensor) -> Tensor:
    """Combine the parts: the sum over parts of part_weight * nll_sum / total.

    The totals belong to the whole optimiser step, over all its micro-batches and ranks, so the values of its
    micro-batches add up to the loss of the step whatever the split. A part that is absent in the step adds nothing.

    Args:
        nll_sums: `PartSums.nll` of one micro-batch, [parts].
        totals: Total target weight of each part in the optimiser step, float64 on the CPU [parts].
        part_weights: Weight of each part in the loss, float64 on the CPU [parts].
    """
    present = totals > 0
    scale = torch.where(present, part_weights / totals.where(present, torch.ones_like(totals)), 0.0)
    return (nll_sums * scale.to(nll_sums)).sum()
