"""What every rendered lesson's tokens are to the student in training, on average: shared out over the processes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lightning_modules.data.collate import Batch, Weighted, collate
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.measures.base import Floats, Ints
from lightning_modules.supervised import SupervisedModule
from students.ranks import Ranks
from students.scoring import batches, error_norm

__all__ = ["TokenFigure", "error_norms", "losses", "rendered_means"]

TokenFigure = Callable[[SupervisedModule, Batch], Tensor]
"""From a batch to one number for every supervised token, [supervised]."""


def losses(module: SupervisedModule, batch: Batch) -> Tensor:
    """Return -log p of every supervised token, [supervised]: the same figure whatever loss the module trains with."""
    return module.split.nll(batch.input_ids, batch.positions, batch.targets)


def error_norms(module: SupervisedModule, batch: Batch) -> Tensor:
    """Return ||softmax - onehot||_2 at every supervised token, [supervised]."""
    return module.split.statistics(batch.input_ids, batch.positions, batch.targets, [error_norm])[0]


@torch.no_grad()
def rendered_means(
    module: SupervisedModule,
    lessons: RenderedLessons,
    numbers: Ints,
    tokens_per_batch: int,
    figure: TokenFigure = losses,
) -> Floats:
    """Return a figure's mean per unit of target weight of some lessons, float64 [numbers], alike on every process.

    Args:
        module: The module in training; its mode and its random numbers are left as they are.
        lessons: Rendered lessons.
        numbers: Which of them.
        tokens_per_batch: Tokens of one batch, padding included.
        figure: What is averaged.
    """
    ranks = Ranks.here()
    sums = np.zeros((2, len(numbers)))
    order = np.argsort(-lessons.longest[numbers], kind="stable")[ranks.rank :: ranks.world_size]
    was_training = module.training
    module.eval()
    try:
        for run in batches(lessons.longest[numbers[order]].tolist(), tokens_per_batch):
            add_batch(module, lessons, numbers, order[run.start : run.stop], figure, sums)
    finally:
        module.train(was_training)
    if ranks.world_size > 1:
        ranks.add_up(torch.from_numpy(sums))
    mean: Floats = sums[0] / sums[1]
    return mean


def add_batch(
    module: SupervisedModule, lessons: RenderedLessons, numbers: Ints, chosen: Ints, figure: TokenFigure, sums: Floats
) -> None:
    """Add (weighted figure, weight) of every lesson of one batch to `sums`, [2, numbers]."""
    rows, owners = [], []
    for place in chosen:
        for sequence in lessons.sequences(int(numbers[place])):
            rows.append(Weighted(sequence))
            owners.append(place)
    batch = collate(rows, np.ones(len(lessons.part_names))).to(module.device)
    with module.trainer.precision_plugin.forward_context():
        found = figure(module, batch).double().cpu().numpy()
    weights = batch.weights.double().cpu().numpy()
    owner = np.array(owners)[batch.sequences.cpu().numpy()]
    np.add.at(sums[0], owner, found * weights)
    np.add.at(sums[1], owner, weights)
