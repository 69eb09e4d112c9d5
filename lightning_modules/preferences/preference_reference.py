"""Log-probabilities of every training text under a model that does not learn, computed once before the first update."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import torch

from lightning_modules.data.collate import Weighted, collate
from lightning_modules.data.rendered import Floats, Ints, RenderedLessons
from lightning_modules.preferences.preference_companion import sums_by_text
from lightning_modules.supervised import SupervisedModule
from lightning_modules.white_box.starting_point import StartingPoint
from students.student import Student

__all__ = ["reference_sums"]

log = logging.getLogger(__name__)

TOKENS_AT_ONCE = 2**14
"""Tokens of a batch, padding included: without gradients that is little memory."""


@torch.no_grad()
def reference_sums(module: SupervisedModule, other: Student | None, rendered: RenderedLessons) -> Floats:
    """Return the log-probability of every sequence under the reference, in nats, float64 [sequences].

    It is the sum over the supervised tokens, each with its weight. Every process computes a share, and all get all;
    each runs the model equally often, as one that is spread over the processes needs.

    Args:
        module: The module in training.
        other: The reference; None for the student before any training.
        rendered: The training sequences.
    """
    trainer = module.trainer
    lengths = np.diff(rendered.starts)
    shares = list(batches(np.argsort(-lengths, kind="stable"), lengths))
    sums = np.zeros(len(lengths))
    with StartingPoint(module, other).lent() as split, trainer.precision_plugin.forward_context():
        for turn in range(-(-len(shares) // trainer.world_size)):
            share = turn * trainer.world_size + trainer.global_rank
            numbers = shares[min(share, len(shares) - 1)]
            sequences = [Weighted(rendered.sequence(number)) for number in numbers.tolist()]
            batch = collate(sequences, np.ones(len(rendered.part_names))).to(module.device)
            nll = split.nll(batch.input_ids, batch.positions, batch.targets)
            if share < len(shares):
                found = -sums_by_text(nll, batch.weights, batch.sequences, len(numbers))
                sums[numbers] = found.double().cpu().numpy()
    if trainer.world_size > 1:
        kind = torch.float32 if module.device.type == "mps" else torch.float64
        whole = torch.from_numpy(sums).to(module.device, kind)
        sums = trainer.strategy.reduce(whole, reduce_op="sum").double().cpu().numpy()
    if trainer.is_global_zero:
        log.info(
            "Computed the reference's log-probabilities of %s texts, %s tokens", f"{len(sums):,}", int(lengths.sum())
        )
    return np.asarray(sums, np.float64)


def batches(numbers: Ints, lengths: Ints) -> Iterator[Ints]:
    """Yield sequences, sorted by falling length, in batches of at most `TOKENS_AT_ONCE`, or of one."""
    start = 0
    while start < len(numbers):
        count = max(1, TOKENS_AT_ONCE // int(lengths[numbers[start]]))
        yield numbers[start : start + count]
        start += count
