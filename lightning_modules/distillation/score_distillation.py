"""Distillation of scores: margins between texts, or the scores themselves."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules.data.collate import Batch, Plan
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.distillation.scorer_module import ScorerModule, Targets
from lightning_modules.losses.log_probabilities import wide
from lightning_modules.losses.scores import margin_distance
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable
from students.student import Student

__all__ = ["ScoreDistillation"]

log = logging.getLogger(__name__)


class ScoreDistillation(ScorerModule):
    """Trains a scorer towards the scores that teachers gave to texts (`students.ScoredTexts`).

    Margin-MSE (Hofstaetter et al. 2020, arXiv:2010.02666, the formula as in the authors' code): the loss of a pair is
    ((S(q, d+) - S(q, d-)) - (T(q, d+) - T(q, d-)))^2, with S the student's scores and T the teachers'. Only differences
    between texts about one prompt count, so that the two may use scales with different zeros. Where a prompt has more
    than two texts, a text's loss is the mean over its pairs; the loss of an update is the mean over its texts.

    Args:
        student: The scorer that learns, a students.Scorer without labels.
        learn: "margins" for Margin-MSE; "scores" for (S - T)^2, which a text alone can teach.
        scale: The teachers' scores are multiplied by this; judges' lie in [0, 1].
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 2e-5 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update; None keeps it.
    """

    def __init__(
        self,
        student: Student,
        learn: Literal["margins", "scores"] = "margins",
        scale: float = 1.0,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, optimizer, schedule)
        self.learn = learn
        self.scale = scale

    def setup(self, stage: str) -> None:
        """Refuse students that do not give one score.

        Raises:
            ConfigError: It is such a student.
        """
        if self.scorer.labels is not None or not self.scale > 0:
            raise ConfigError(
                f"ScoreDistillation got a scorer with labels {self.scorer.labels} and scale={self.scale}. Needed are "
                "one score (labels: null) and a scale above 0. Correct them; for classes use "
                "lightning_modules.DualHeadDistillation."
            )

    def companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion:
        """Return what brings the teachers' scores along.

        Raises:
            ConfigError: The rendering gives texts without scores, or texts that have nothing beside them.
        """
        self.setup("fit")  # Lightning sets up the data module first
        if rendered.rewards is None or np.isnan(rendered.rewards).any():
            raise ConfigError(
                "The rendering gives texts without a score. Needed is one for each. Train with data.rendering "
                "students.ScoredTexts."
            )
        if self.learn == "margins" and int(rendered.sequence_counts.max()) < 2:
            raise ConfigError(
                "Every prompt has a single text, so there is no margin to learn. Needed are at least two texts of a "
                "prompt. Have more texts scored, or set `learn: scores`."
            )
        return Targets(rendered.rewards[:, None] * self.scale)

    def on_fit_start(self) -> None:
        """Say what the loss is."""
        super().on_fit_start()
        if self.trainer.is_global_zero:
            formula = "((S - S') - (T - T'))^2 over a prompt's pairs" if self.learn == "margins" else "(S - T)^2"
            log.info("Loss of a text = %s, with T %g times the teachers' scores", formula, self.scale)

    def token_losses(self, batch: Batch) -> Tensor:
        """Return the loss of every text, [sequences]."""
        scores = wide(self.scorer.head(self.states(batch))[:, 0])
        targets = batch.extras["targets"][:, 0].to(scores)
        if self.learn == "scores":
            return (scores - targets).square()
        return margin_distance(scores, targets, torch.tensor(groups(batch.plan), device=scores.device))


def groups(plan: Plan) -> list[int]:
    """Return which texts stand beside each other in one lesson, [sequences]; a lesson that comes again is another.

    >>> groups(Plan(sequence_lessons=(4, 4, 4, 4, 7), sequence_numbers=(9, 10, 9, 10, 12)))
    [0, 0, 1, 1, 2]
    """
    found = [0]
    for (lesson, number), (after, later) in pairwise(zip(plan.sequence_lessons, plan.sequence_numbers, strict=True)):
        found.append(found[-1] + (after != lesson or later <= number))
    return found
