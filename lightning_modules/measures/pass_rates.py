"""How often the student passes some of the plan's own questions."""

from __future__ import annotations

import numpy as np
import torch

from lessons.grading import Grader
from lightning_modules.data_module import CurriculumDataModule
from lightning_modules.measures.base import Figures, Measure, chosen_lessons
from lightning_modules.supervised import SupervisedModule
from students.exam import sit
from students.generation import Generation
from students.ranks import Ranks

__all__ = ["PassRates"]


class PassRates(Measure):
    """Share of right answers to the questions of a fixed sample of lessons, answered by the student as it is.

    Figures: "pass_rate" of each probed lesson; metric "pass_rate", the mean over them.

    Args:
        grader: Who marks.
        size: Lessons to probe; of every group where `by` is given.
        by: A signal of the plan that names groups, such as topics: each is probed alike.
        samples: Answers a question; more than one needs a temperature above 0.
        generation: How answers are generated; None for greedy ones of up to 256 tokens.
        seed: Decides which lessons.
    """

    def __init__(
        self,
        grader: Grader,
        size: int = 16,
        by: str | None = None,
        samples: int = 1,
        generation: Generation | None = None,
        seed: int = 0,
    ) -> None:
        self.grader = grader
        self.size = size
        self.by = by
        self.samples = samples
        self.generation = generation
        self.seed = seed

    def prepare(self, data: CurriculumDataModule) -> None:
        """Choose the lessons."""
        self.places = chosen_lessons(data, self.size, self.by, self.seed)
        self.prompts = [lesson.prompt for lesson in data.lessons_of_plan.at(self.places)]
        self.rendering = data.rendering

    def measure(self, module: SupervisedModule) -> Figures:
        """Let the student answer; every process asks its share."""
        ranks = Ranks.here()
        mine = slice(ranks.rank, None, ranks.world_size)
        attempts = sit(
            module.student, self.prompts[mine], self.grader, self.generation, self.rendering, samples=self.samples
        )
        right = np.array([a.grade is not None and a.grade.correct for a in attempts], np.float64)
        rates = np.zeros(len(self.places))
        rates[mine] = right.reshape(-1, self.samples).mean(axis=1) if len(right) else []
        if ranks.world_size > 1:
            ranks.add_up(torch.from_numpy(rates))
        return Figures({"pass_rate": float(rates.mean())}, self.places, {"pass_rate": rates})
