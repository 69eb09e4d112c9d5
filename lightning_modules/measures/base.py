"""What every measure is: figures of the running student, the same on every process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lightning_modules.data.collate import Batch
from lightning_modules.data.data_module import CurriculumDataModule
from lightning_modules.supervised import SupervisedModule

__all__ = ["Figures", "Measure", "chosen_lessons", "drawn_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """What one measure found."""

    metrics: dict[str, float] = field(default_factory=dict)
    """Figures of the whole student."""
    places: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """Lessons with a figure of their own, as rising positions in the lesson set, [measured]."""
    lessons: dict[str, Floats] = field(default_factory=dict)
    """Their figures by name, each [measured]."""


class Measure(ABC):
    """Measures the student between two updates. Figures must be reduced over all processes: all hear the same."""

    runs_model: bool = True
    """Whether it runs the model between two updates, which weights spread over devices do not allow."""

    def prepare(self, data: CurriculumDataModule) -> None:  # noqa: B027  # most measures need nothing
        """Choose what to measure on, before training starts."""

    def note(self, module: SupervisedModule, batch: Batch) -> None:  # noqa: B027
        """Look on after a micro-batch of this process."""

    @abstractmethod
    def measure(self, module: SupervisedModule) -> Figures:
        """Return the figures after an update; called on all processes."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs to find the same figures, as JSON values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Go on from a saved state."""


def chosen_lessons(data: CurriculumDataModule, size: int | None, by: str | None, seed: int) -> Ints:
    """Choose lessons to measure on, among those the plan may draw: rising positions in the lesson set.

    Args:
        data: The data module, set up.
        size: How many; of every group where `by` is given. None for all.
        by: A signal of the plan that names groups; None for one sample of all.
        seed: Decides which.
    """
    places = np.flatnonzero(data.batches_of_plan.sampler.numbers >= 0)
    if size is None:
        return places
    return drawn_of(places, None if by is None else data.signal_values(by), size, np.random.default_rng([seed, size]))


def drawn_of(places: Ints, labels: Floats | None, size: int, generator: np.random.Generator) -> Ints:
    """Draw lessons by lot, rising.

    Args:
        places: Positions in the lesson set to draw from.
        labels: The group of every lesson of the set, NaN for none; None for one sample of all.
        size: How many; of every group where there are labels.
        generator: Draws.
    """
    if labels is None:
        return np.sort(generator.permutation(places)[:size])
    mine = labels[places]
    groups = [places[mine == label] for label in np.unique(mine[~np.isnan(mine)])]
    drawn = [generator.permutation(group)[:size] for group in groups]
    return np.sort(np.concatenate([np.empty(0, np.int64), *drawn]))
