"""Any right answer will do: training on the likelihood of the whole set of right answers to a question."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules.adamw import AdamWSettings
from lightning_modules.data.collate import Batch, Plan
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.losses.policy import marginal_nll
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable, SupervisedModule
from students.student import Student

__all__ = ["MarginalLikelihood"]


class MarginalLikelihood(SupervisedModule):
    """Trains the student to write some right answer to each question, not each of them alike: MML and beta-MML.

    After Ni et al. 2022 (arXiv:2205.14318). With Y the right answers to a question x, all of one lesson, and
    log p(y | x) the sum over an answer's tokens, never their mean, the loss of a question is

        (1 - supervised_weight) * -(1 / exponent) log sum over y in Y of p(y | x)^exponent
            + supervised_weight * mean over y in Y of -log p(y | x)

    and that of an update the mean over its questions, weighted as the curriculum says, over all micro-batches and
    devices. Exponent 1 is maximum marginal likelihood: the likeliest answer gets most of the gradient and may crowd out
    the others. Towards 0 all answers get the same. The exponent does not touch the second term (the authors' code
    scales that too). Show the answers with `students.AnswerGroups` and right_only: true.

    Args:
        student: The model that learns.
        exponent: The authors' beta, above 0 and at most 1.
        supervised_weight: Share of ordinary training on all answers, from 0 to 1.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 1e-5 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    adamw: ClassVar[AdamWSettings] = {"lr": 1e-5, "weight_decay": 0.01}

    def __init__(
        self,
        student: Student,
        exponent: float = 0.25,
        supervised_weight: float = 0.0,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, optimizer, schedule)
        self.exponent = exponent
        self.supervised_weight = supervised_weight

    def setup(self, stage: str) -> None:
        """Refuse settings out of range, before any weights are read.

        Raises:
            ConfigError: One is.
        """
        if not 0 < self.exponent <= 1 or not 0 <= self.supervised_weight <= 1:
            raise ConfigError(
                f"MarginalLikelihood got exponent={self.exponent} and supervised_weight={self.supervised_weight}. "
                "Allowed are an exponent above 0 and at most 1, and a weight from 0 to 1. Correct them."
            )

    def companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion | None:
        """Add nothing, and refuse answers that are not known to be right.

        Raises:
            ConfigError: Some are wrong, or count in several parts of the loss.
        """
        if rendered.rewards is None or not (rendered.rewards == 1).all() or len(rendered.part_names) > 1:
            raise ConfigError(
                "MarginalLikelihood trains on sets of right answers; these lessons have "
                f"{'no rewards' if rendered.rewards is None else 'rewards other than 1'} or the parts "
                f"{', '.join(rendered.part_names)}. Allowed are answers with the reward 1 in one part. Use "
                "students.AnswerGroups with right_only: true."
            )
        return None

    @property
    def averaging(self) -> str:
        """What each mean in the loss is taken over, in words."""
        return f"its questions of an update, a question being all its answers together (exponent {self.exponent:g})"

    def share_of_update(self, losses: Tensor, batch: Batch) -> Tensor:
        """Return what a micro-batch's token losses, [supervised], add to the loss of its update."""
        answers = int(batch.sequences[-1]) + 1
        zeros = losses.new_zeros(answers)
        nll = zeros.index_add(0, batch.sequences, losses)  # of whole answers
        tokens = torch.bincount(batch.sequences, minlength=answers)
        factors = zeros.index_add(0, batch.sequences, batch.weights.to(losses)) / tokens
        group = torch.tensor(questions_of(batch.plan) or [0], device=losses.device)
        count = int(group[-1]) + 1
        sizes = torch.bincount(group, minlength=count)
        weights = zeros.new_zeros(count).index_add(0, group, factors) / sizes
        together = marginal_nll(-nll, group, count, self.exponent)
        apart = zeros.new_zeros(count).index_add(0, group, nll) / sizes
        whole = (1 - self.supervised_weight) * together + self.supervised_weight * apart
        return (weights * whole).sum() / batch.plan.update_lesson_weight


def questions_of(plan: Plan) -> list[int]:
    """Return the number of each sequence's question inside the micro-batch, [sequences].

    A lesson that comes twice is two questions; its sequences then begin again.

    >>> questions_of(Plan(sequence_lessons=(4, 4, 4, 4, 2), sequence_numbers=(8, 9, 8, 9, 3)))
    [0, 0, 1, 1, 2]
    """
    found: list[int] = []
    last = (-1, -1)
    for lesson, number in zip(plan.sequence_lessons, plan.sequence_numbers, strict=True):
        opens = lesson != last[0] or number <= last[1]
        found.append((found[-1] if found else -1) + opens)
        last = (lesson, number)
    return found
