"""What every measure is: figures of the running student, the same on every process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lightning_modules.collate import Batch
from lightning_modules.data_module import CurriculumDataModule
from lightning_modules.supervised import SupervisedModule

__all__ = ["Figures", "Measure", "chosen_lessons"]

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


def chosen_lessons(data: CurriculumDataModule, size: int, by: str | None, seed: int) -> Ints:
    """Choose lessons to measure on, among those the plan may draw: rising positions in the lesson set.

    Args:
        data: The data module, set up.
        size: How many; of every group where `by` is given.
        by: A signal of the plan that names groups; None for one sample of all.
        seed: Decides which.
    """
    positions = np.flatnonzero(data.batches_of_plan.sampler.numbers >= 0)
    generator = np.random.default_rng([seed, size])
    if by is None:
        return np.sort(generator.permutation(positions)[:size])
    labels = data.signal_values(by)[positions]
    groups = [positions[labels == label] for label in np.unique(labels[~np.isnan(labels)])]
    return np.sort(np.concatenate([generator.permutation(group)[:size] for group in groups]))
