"""Distillation from the logits of a teacher, which is in the run or was asked before."""

from __future__ import annotations

import logging
from functools import partial

import torch
from torch import Tensor

from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules.data.collate import Batch
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.distillation.taught import TaughtModule
from lightning_modules.divergences import Divergence
from lightning_modules.losses import TopK, chunked_terms, log_probabilities, projection_of, top_k_log_probabilities
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable
from lightning_modules.white_box.frozen_teacher import FrozenTeacher
from lightning_modules.white_box.stored_teacher import StoredTeacher
from students.logit_store import LogitStore
from students.student import Student
from students.token_nll import nll_of_logits

__all__ = ["LogitDistillation", "token_terms"]

log = logging.getLogger(__name__)


class LogitDistillation(TaughtModule):
    """Trains a student towards the next-token distributions of a frozen teacher, on given texts.

    The loss of a token is w * nll + (1 - w) * T^2 * D(teacher, student at temperature T), with w the supervised weight
    and D the divergence; the likelihood is always taken at temperature 1. Token losses are added up and divided exactly
    as in `SupervisedModule`: by the total weight of the update's tokens, over all micro-batches and devices.

    Args:
        student: The model that learns.
        teacher: The frozen model, described as a student is, without adapter; or a `students.LogitStore` with what it
            said before. Its tokenizer must have the student's vocabulary. It is in no checkpoint and in no export; a
            model is held by every device, a store by none.
        divergence: How far the student is from the teacher.
        supervised_weight: w, the weight of the negative log-likelihood of the lesson's text, at least 0 and below 1.
        temperature: T, by which the logits of both are divided; above 0.
        temperature_squared: Whether the divergence is multiplied by T^2 (Hinton et al. 2015, arXiv:1503.02531), which
            keeps its gradient about as large at every T; TRL leaves it out.
        teacher_schedule: Scales 1 - w, the teacher's weight, from update to update; what it loses the likelihood gains.
            `Linear(warmup_share=0, floor=0)` lets a teacher begin and the text end, after SALT; None keeps it.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 2e-4 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    def __init__(
        self,
        student: Student,
        teacher: Student | LogitStore,
        divergence: Divergence,
        supervised_weight: float = 0.5,
        temperature: float = 1.0,
        temperature_squared: bool = True,
        teacher_schedule: Schedule | None = None,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        source = StoredTeacher(teacher) if isinstance(teacher, LogitStore) else FrozenTeacher(teacher)
        super().__init__(student, source, optimizer, schedule, supervised_weight, temperature, temperature_squared)
        self.teacher = teacher
        self.divergence = divergence
        self.teacher_schedule = teacher_schedule

    def setup(self, stage: str) -> None:
        """Refuse settings and tokenizers that cannot work, before any weights are read.

        Raises:
            ConfigError: They cannot.
        """
        super().setup(stage)
        if self.supervised_weight == 1:
            raise ConfigError(
                f"The supervised weight is {self.supervised_weight}, which leaves nothing to the teacher. Allowed are "
                "values of at least 0 and below 1. Correct `supervised_weight`; without a teacher use "
                "lightning_modules.SupervisedModule."
            )
        self.divergence.check()
        self.source.check(self.student)
        told = self.source.tokens_told
        if told is not None and self.divergence.needs_every_token:
            raise ConfigError(
                f"{type(self.divergence).__name__} needs the probability of every token, but only the top {told} are "
                "stored. Allowed are the other divergences, which take all others as one outcome, a store of the "
                "whole vocabulary (tokens_kept), or the teacher in the run. Choose one of them."
            )

    def on_fit_start(self) -> None:
        """Load the teacher, and say what the loss of a token is."""
        super().on_fit_start()
        if not self.trainer.is_global_zero:
            return
        scheduled = f", the teacher's weight scaled by {type(self.teacher_schedule).__name__}"
        log.info(
            "Loss of a token = %g * nll + %g * %s%s at temperature %g, from %s%s",
            self.supervised_weight, 1 - self.supervised_weight, self.scale_in_words, type(self.divergence).__name__,
            self.temperature, self.source.name, scheduled if self.teacher_schedule else "",
        )  # fmt: skip

    def companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion | None:
        """Return what brings stored logits along with every micro-batch."""
        return self.source.companion(rendered)

    def token_losses(self, batch: Batch) -> Tensor:
        """Return the weighted sum of likelihood and divergence of every supervised token, [supervised]."""
        slopes = self.slopes(batch)
        share = self.teacher_share
        mix = torch.tensor([[1 - share], [share * self.scale]]).to(slopes)
        terms = chunked_terms(
            partial(token_terms, self.divergence, self.temperature),
            projection_of(self.split, batch.input_ids, batch.positions),
            self.source.says(batch),
            batch.targets,
            slopes=mix * slopes,
        )
        self.terms = dict(zip(("nll", "divergence"), terms.detach(), strict=True))
        return (mix * terms).sum(0)  # not `@`, which autocast would round

    def slopes(self, batch: Batch) -> Tensor:
        """Return by how much the loss of the update grows with the loss of each token, [supervised]."""
        wide = torch.promote_types(next(self.parameters()).dtype, torch.float32)
        losses = torch.zeros_like(batch.weights, dtype=wide, requires_grad=True)
        with torch.enable_grad():
            return torch.autograd.grad(self.share_of_update(losses, batch), losses)[0]

    @property
    def teacher_share(self) -> float:
        """Weight of the divergence in the update at hand, in [0, 1]."""
        return (1 - self.supervised_weight) * self.teacher_factor(self.trainer.global_step, self.planned_updates())

    def teacher_factor(self, update: int, updates: int) -> float:
        """Return what the teacher's weight is scaled by in an update of a run with so many."""
        return 1.0 if self.teacher_schedule is None else self.teacher_schedule.factor(update, updates)

    def pace(self, update: int, updates: int) -> tuple[float, ...]:
        """Return the factors of the learning rate and of the teacher's weight."""
        return (*super().pace(update, updates), self.teacher_factor(update, updates))


def token_terms(
    divergence: Divergence, temperature: float, student: Tensor, teacher: Tensor | TopK, targets: Tensor
) -> Tensor:
    """Return the negative log-likelihood and the divergence of every token, [2, tokens], in float32 or better.

    Args:
        divergence: How far the student is from the teacher.
        temperature: Divides the logits for the divergence, not for the likelihood.
        student: Logits, [tokens, vocabulary].
        teacher: Logits, [tokens, vocabulary], where the sizes differ, the ids that both have are compared; or what is
            known of its most probable tokens.
        targets: Ids of the lesson's tokens, [tokens].
    """
    nll = nll_of_logits(student, targets)
    if isinstance(teacher, TopK):
        pair = top_k_log_probabilities(student, teacher, temperature)
    else:
        pair = log_probabilities(student, teacher, temperature)
    return torch.stack([nll, divergence.per_token(*pair).to(nll.dtype)])
