"""Signals of the plan measured anew on the running student."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
import torch

from lightning_modules.data.data_module import CurriculumDataModule
from lightning_modules.measures.base import Figures, Measure, chosen_lessons
from lightning_modules.supervised import SupervisedModule
from students.ranks import Ranks
from students.scoring import Scoring
from students.signals import AngleConcentration, NuclearNorm, StudentSignal
from students.student import Student

__all__ = ["ProbeAngles", "ProbeNuclearNorms", "SignalProbe"]


class SignalProbe(Measure):
    """A signal that needs no loss, of a fixed sample of lessons under the student as it is; processes share them."""

    figure: ClassVar[str]
    """Name of the figure by lesson; the metric is "probe_<figure>", the mean over the lessons that have it."""
    size: int | None
    """Lessons to probe, of every group where there are groups; None for all."""
    by: str | None
    """Name of the signal of groups."""
    seed: int
    """Decides which lessons."""

    @abstractmethod
    def signal(self, student: Student, data: CurriculumDataModule) -> StudentSignal:
        """Return the signal of this student. It must not share its work out over the processes itself."""

    def prepare(self, data: CurriculumDataModule) -> None:
        """Choose the lessons."""
        self.data = data
        self.places = chosen_lessons(data, self.size, self.by, self.seed)

    def measure(self, module: SupervisedModule) -> Figures:
        """Read this process's share of the lessons, and join the shares."""
        ranks = Ranks.here()
        mine = slice(ranks.rank, None, ranks.world_size)
        found = np.zeros(len(self.places))
        measured = self.signal(module.student, self.data).values(self.data.lessons_of_plan.subset(self.places[mine]))
        missing = np.zeros(len(self.places))
        missing[mine] = np.isnan(measured)
        found[mine] = np.nan_to_num(measured)
        if ranks.world_size > 1:
            ranks.add_up(torch.from_numpy(found))
            ranks.add_up(torch.from_numpy(missing))
        known = missing == 0
        values = np.where(known, found, np.nan)
        metrics = {f"probe_{self.figure}": float(found[known].mean())} if known.any() else {}
        return Figures(metrics, self.places, {self.figure: values})


class ProbeAngles(SignalProbe):
    """GAIN-RL's angle concentration, measured during training, as its rule hears it (`students.signals`).

    Figures: "angle_concentration" of each probed lesson; metric "probe_angle_concentration", their mean.

    Args:
        size: Lessons to probe; of every group where `by` is given. None for all lessons.
        by: A signal of the plan that names groups.
        context_weight: As in `students.signals.AngleConcentration`.
        tokens_per_batch: Tokens of one batch, padding included.
        seed: Decides which lessons.
    """

    figure = "angle_concentration"

    def __init__(
        self,
        size: int | None = 32,
        by: str | None = None,
        context_weight: float = 8.0,
        tokens_per_batch: int = 8192,
        seed: int = 0,
    ) -> None:
        self.size = size
        self.by = by
        self.context_weight = context_weight
        self.tokens_per_batch = tokens_per_batch
        self.seed = seed

    def signal(self, student: Student, data: CurriculumDataModule) -> StudentSignal:
        """Return the angles."""
        return AngleConcentration(student, self.context_weight, scoring=Scoring(self.tokens_per_batch))


class ProbeNuclearNorms(SignalProbe):
    """The nuclear norm of lessons' representations, measured during training: SPDCL's difficulty for this student.

    Figures: "nuclear_norm" of each probed lesson; metric "probe_nuclear_norm", their mean.

    Args:
        size: Lessons to probe; of every group where `by` is given. None for all lessons.
        by: A signal of the plan that names groups.
        of: As in `students.signals.NuclearNorm`.
        per_token: As in `students.signals.NuclearNorm`.
        tokens_per_batch: Tokens of one batch, padding included.
        seed: Decides which lessons.
    """

    figure = "nuclear_norm"

    def __init__(
        self,
        size: int | None = None,
        by: str | None = None,
        of: Literal["states", "embeddings"] = "states",
        per_token: bool = False,
        tokens_per_batch: int = 8192,
        seed: int = 0,
    ) -> None:
        self.size = size
        self.by = by
        self.of = of
        self.per_token = per_token
        self.tokens_per_batch = tokens_per_batch
        self.seed = seed

    def signal(self, student: Student, data: CurriculumDataModule) -> StudentSignal:
        """Return the norms of the lessons as training renders them."""
        scoring = Scoring(self.tokens_per_batch)
        return NuclearNorm(student, data.rendering, self.of, self.per_token, scoring=scoring)
