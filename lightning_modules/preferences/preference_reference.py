"""Log-probabilities of every training text under a model that does not learn, computed once before the first update."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from lightning_modules.data.collate import Weighted, collate
from lightning_modules.data.rendered import Floats, Ints, RenderedLessons
from lightning_modules.preferences.preference_companion import sums_by_text
from lightning_modules.supervised import SupervisedModule
from students.encoder_decoder import split_of
from students.frozen import load_frozen
from students.split_model import SplitModel, in_evaluation
from students.student import Student

__all__ = ["reference_sums", "starting_point"]

log = logging.getLogger(__name__)

TOKENS_AT_ONCE = 2**14
"""Tokens of a batch, padding included: without gradients that is little memory."""


@contextmanager
def starting_point(module: SupervisedModule, other: Student | None) -> Iterator[SplitModel]:
    """Lend the reference, without dropout: another model, or the student as it was before any training.

    A student with an adapter lends its own weights, the adapter switched off: they never change. Of another one the
    weights are read once more and given back, since those in training may come from a checkpoint; they compute in the
    format of the student in training, so that the two agree at the start.
    """
    head = module.split.causal.get_output_embeddings().weight
    if other is not None:
        yield load_frozen(other, head.device, head.dtype == torch.float64)
        return
    if module.student.adapter is not None:
        adapted: Any = module.split.model
        with in_evaluation(adapted), adapted.disable_adapter():
            yield module.split
        return
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)  # Lightning may have changed it; random weights depend on it
    try:
        model = module.student.weights.load(module.student.number_format.dtype).model
    finally:
        torch.set_default_dtype(default)
    torch.nn.Module.to(model, head.device, head.dtype)
    model.requires_grad_(False)
    model.train(False)
    yield split_of(model, module.student.packing)


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
    with starting_point(module, other) as split, trainer.precision_plugin.forward_context():
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
