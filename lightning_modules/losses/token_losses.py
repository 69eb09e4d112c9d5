"""The sums a loss is normalised from.

Nothing here divides: a loss is a sum over supervised tokens, and its denominators belong to the whole optimiser step
(`lightning_modules.data.collate.Batch.totals`), never to a micro-batch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PartSums", "part_sums", "weighted_loss"]


class PartSums(NamedTuple):
    """What the supervised tokens of a micro-batch add up to, by part. Sums and counts, not means."""

    nll: Tensor
    """Weighted negative log-likelihood in nats, [parts], float32 or better."""
    weight: Tensor
    """Total target weight, [parts]."""
    tokens: Tensor
    """Number of supervised tokens, [parts], int64."""


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
