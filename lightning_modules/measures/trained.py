"""Which lessons were trained since somebody last asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lightning_modules.data.collate import Batch
from lightning_modules.data.data_module import CurriculumDataModule
from lightning_modules.measures.base import Ints
from students.ranks import Ranks

__all__ = ["TrainedLessons", "places_of_numbers"]


class TrainedLessons:
    """The lessons of the updates since `take`, over all processes.

    Args:
        data: The data module, set up.
    """

    def __init__(self, data: CurriculumDataModule) -> None:
        self.places = places_of_numbers(data)
        self.visits: Ints = np.zeros(len(self.places), np.int64)

    def note(self, batch: Batch) -> None:
        """Add the lessons of a micro-batch of this process, whatever the view."""
        numbers = np.array(batch.plan.sequence_lessons, np.int64) % len(self.places)
        np.add.at(self.visits, numbers, 1)

    def everywhere(self) -> Ints:
        """Return the visits of every rendered lesson on all processes together, int64 [rendered]."""
        visits = self.visits.astype(np.float64)
        ranks = Ranks.here()
        if ranks.world_size > 1:
            ranks.add_up(torch.from_numpy(visits))
        return visits.astype(np.int64)

    def take(self) -> Ints:
        """Return the lessons, as rising positions in the lesson set, and start anew."""
        visits = self.everywhere()
        self.visits = np.zeros_like(self.visits)
        return np.sort(self.places[visits > 0])

    def state_dict(self) -> dict[str, Any]:
        """Return the lessons of all processes so far: a checkpoint may fall between two feedbacks."""
        return {"trained": np.flatnonzero(self.everywhere()).tolist()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with them; one process holds them all."""
        if Ranks.here().rank == 0:
            self.visits[state["trained"]] = 1


def places_of_numbers(data: CurriculumDataModule) -> Ints:
    """Return the position in the lesson set of every rendered lesson, int64 [rendered]."""
    numbers = data.batches_of_plan.sampler.numbers
    rendered = np.flatnonzero(numbers >= 0)
    places = np.empty(data.batches_of_plan.lessons.lessons_per_view, np.int64)
    places[numbers[rendered]] = rendered
    return places
