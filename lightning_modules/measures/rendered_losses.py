"""Losses of rendered lessons under the student in training, shared out over the processes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from lightning_modules.collate import Weighted, collate
from lightning_modules.rendered import RenderedLessons
from lightning_modules.supervised import SupervisedModule
from students.ranks import Ranks
from students.scoring import batches

__all__ = ["rendered_losses"]


@torch.no_grad()
def rendered_losses(
    module: SupervisedModule, lessons: RenderedLessons, numbers: npt.NDArray[np.int64], tokens_per_batch: int
) -> npt.NDArray[np.float64]:
    """Return the mean loss per unit of target weight of some lessons, float64 [numbers], the same on every process.

    Args:
        module: The module in training; its mode and its random numbers are left as they are.
        lessons: Rendered lessons.
        numbers: Which of them.
        tokens_per_batch: Tokens of one batch, padding included.
    """
    ranks = Ranks.here()
    sums = np.zeros((2, len(numbers)))
    order = np.argsort(-lessons.longest[numbers], kind="stable")[ranks.rank :: ranks.world_size]
    was_training = module.training
    module.eval()
    try:
        for run in batches(lessons.longest[numbers[order]].tolist(), tokens_per_batch):
            add_losses(module, lessons, numbers, order[run.start : run.stop], sums)
    finally:
        module.train(was_training)
    if ranks.world_size > 1:
        ranks.add_up(torch.from_numpy(sums))
    mean: npt.NDArray[np.float64] = sums[0] / sums[1]
    return mean


def add_losses(
    module: SupervisedModule,
    lessons: RenderedLessons,
    numbers: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.int64],
    sums: npt.NDArray[np.float64],
) -> None:
    """Score one batch and add (weighted loss, weight) of every lesson to `sums`, [2, numbers]."""
    rows, owners = [], []
    for place in chosen:
        for sequence in lessons.sequences(int(numbers[place])):
            rows.append(Weighted(sequence))
            owners.append(place)
    batch = collate(rows, np.ones(len(lessons.part_names))).to(module.device)
    with module.trainer.precision_plugin.forward_context():
        losses = module.token_losses(batch).double().cpu().numpy()
    weights = batch.weights.double().cpu().numpy()
    owner = np.array(owners)[(batch.positions // batch.input_ids.shape[1]).cpu().numpy()]
    np.add.at(sums[0], owner, losses * weights)
    np.add.at(sums[1], owner, weights)
