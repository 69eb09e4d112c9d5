"""The loss each lesson had when it was trained: free of charge, and as old as its last visit."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from curricula.state import pack, unpack
from lightning_modules.data.collate import Batch
from lightning_modules.data.data_module import CurriculumDataModule
from lightning_modules.measures.base import Figures, Floats, Measure
from lightning_modules.measures.trained import places_of_numbers
from lightning_modules.supervised import SupervisedModule
from students.ranks import Ranks

__all__ = ["TrainingLosses"]


class TrainingLosses(Measure):
    """Mean loss per supervised token of every lesson trained since the last feedback, as training saw it.

    Figures: "training_loss" of each of those lessons; metric "training_loss", the mean over them. Dropout, if any, is
    in it, and a lesson that came twice counts with the mean of both, also in two views.
    """

    runs_model = False

    def prepare(self, data: CurriculumDataModule) -> None:
        """Make room for one sum a lesson."""
        self.places = places_of_numbers(data)
        self.sums: Floats = np.zeros((2, len(self.places)))

    def note(self, module: SupervisedModule, batch: Batch) -> None:
        """Add up the losses of a micro-batch by lesson."""
        if module.batch_losses is None or not batch.plan.sequence_lessons:
            return
        losses = module.batch_losses.double().cpu().numpy()
        weights = batch.weights.double().cpu().numpy()
        lesson = (
            np.array(batch.plan.sequence_lessons)[batch.sequences.cpu().numpy()] % self.sums.shape[1]
        )  # whatever the view
        np.add.at(self.sums[0], lesson, losses * weights)
        np.add.at(self.sums[1], lesson, weights)

    def measure(self, module: SupervisedModule) -> Figures:
        """Return the means, and start anew."""
        sums, self.sums = self.sums, np.zeros_like(self.sums)
        ranks = Ranks.here()
        if ranks.world_size > 1:
            ranks.add_up(torch.from_numpy(sums))
        seen = np.flatnonzero(sums[1])
        places, means = self.places[seen], sums[0, seen] / sums[1, seen]
        order = np.argsort(places)
        metrics = {"training_loss": float(means.mean())} if len(means) else {}
        return Figures(metrics, places[order], {"training_loss": means[order]})

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of all processes so far: a checkpoint may fall between two feedbacks."""
        sums = self.sums.copy()
        ranks = Ranks.here()
        if ranks.world_size > 1:
            ranks.add_up(torch.from_numpy(sums))
        packed: dict[str, Any] = pack({"sums": sums})
        return packed

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the sums; one process holds them all."""
        if Ranks.here().rank == 0:
            self.sums = unpack(state)["sums"]
