"""Distillation on what the student writes itself."""

from __future__ import annotations

import logging
from functools import cached_property, partial
from typing import Any

from torch import Tensor

from lightning_modules.data.collate import Batch
from lightning_modules.distillation.logit_distillation import LogitDistillation
from lightning_modules.distillation.on_policy_gradient import SampledReverseKL, sampled_terms
from lightning_modules.divergences import Divergence
from lightning_modules.losses import chunked_terms, projection_of
from lightning_modules.sampling import FixedShare, SampledUpdates, Sampling, StudentShare
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable
from students.student import Student

__all__ = ["OnPolicyDistillation"]

log = logging.getLogger(__name__)


class OnPolicyDistillation(LogitDistillation):
    """Trains a student towards a frozen teacher's distributions on a share of texts that the student writes itself.

    A student that only ever sees given texts is never corrected where its own lead it. So, with the probability
    `student_share`, the prompts of an update are answered by the student as it is, and the loss of a token of these
    answers is T^2 * D(teacher, student at temperature T), or what `policy_gradient` makes of it; no gradient goes
    through the sampling. The other updates are those of `LogitDistillation`, and with a share of 0 all are. Either way
    token losses are divided by the total weight of the update's tokens, over all micro-batches and devices.

    - GKD (Agarwal et al. 2023, arXiv:2306.13649): lambda is `student_share`, with any divergence.
    - Per-token reverse KL, exact: `divergence` ReverseKL and a share of 1. The sum over the vocabulary at every token.
    - Per-token reverse KL by policy gradient (Thinking Machines): the same with `policy_gradient` SampledReverseKL.
    - MiniLLM (Gu et al. 2023, arXiv:2306.08543): SampledReverseKL with immediate "exact" and future "mean".
    - DistiLLM (Ko et al. 2024, arXiv:2402.03898): a skew divergence, an AdaptiveShare and `sampling` with a Replay.

    Args:
        student: The model that learns.
        teacher: The frozen model, described as a student is, without adapter. Its tokenizer must have the student's
            vocabulary. It is in no checkpoint and in no export; every device holds a copy.
        divergence: How far the student is from the teacher.
        sampling: How answers are sampled; None for one of up to 256 tokens at temperature 1 to each prompt.
        student_share: The share of the updates that is sampled, in [0, 1], or a rule for it.
        policy_gradient: The loss on answers by policy gradient; None takes the divergence itself.
        supervised_weight: On given texts, w: the weight of the negative log-likelihood, at least 0 and below 1.
        temperature: T, by which the logits of both are divided for the divergence; above 0.
        temperature_squared: Whether the divergence is multiplied by T^2.
        teacher_schedule: On given texts, scales 1 - w from update to update; None keeps it.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 2e-4 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    def __init__(
        self,
        student: Student,
        teacher: Student,
        divergence: Divergence,
        sampling: Sampling | None = None,
        student_share: float | StudentShare = 1.0,
        policy_gradient: SampledReverseKL | None = None,
        supervised_weight: float = 0.0,
        temperature: float = 1.0,
        temperature_squared: bool = True,
        teacher_schedule: Schedule | None = None,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(
            student, teacher, divergence, supervised_weight, temperature, temperature_squared, teacher_schedule,
            optimizer, schedule,
        )  # fmt: skip
        self.sampling = sampling
        self.student_share = student_share
        self.policy_gradient = policy_gradient

    @cached_property
    def sampled_updates(self) -> SampledUpdates:
        """What puts answers in the place of texts."""
        return SampledUpdates(self.sampling or Sampling(), self.student_share)

    @property
    def answers_per_lesson(self) -> int:
        """Answers that the student writes to each lesson, at every update; 0 where some updates read given texts."""
        share = self.sampled_updates.share
        every = isinstance(share, FixedShare) and share.value == 1
        return self.sampled_updates.sampling.samples if every else 0

    def setup(self, stage: str) -> None:
        """Refuse settings and tokenizers that cannot work, before any weights are read.

        Raises:
            ConfigError: They cannot.
        """
        super().setup(stage)
        self.sampled_updates.check()
        if self.policy_gradient is not None:
            self.policy_gradient.check(self.sampled_updates.sampling, self.temperature)

    def on_fit_start(self) -> None:
        """Load the teacher, make ready to sample, and say what the loss of an answer's token is."""
        super().on_fit_start()
        self.sampled_updates.prepare(self)
        if not self.trainer.is_global_zero:
            return
        share, sampling = self.student_share, self.sampled_updates.sampling
        log.info(
            "Sampled updates (%s): %s. Loss of their tokens = %s; mean over all tokens of all answers of an update",
            f"a share of {share:g}" if isinstance(share, int | float) else f"a share by {type(share).__name__}",
            sampling.describe(),
            self.policy_gradient.describe() if self.policy_gradient is not None else "the divergence alone",
        )

    def received(self, batch: Batch) -> Batch:
        """Put the student's answers in the place of the texts, where the update is sampled."""
        return self.sampled_updates.batch(self, batch)

    def token_losses(self, batch: Batch) -> Tensor:
        """Return the loss of every supervised token, [supervised]."""
        if not self.sampled_updates.sampled:
            return super().token_losses(batch)
        if self.policy_gradient is not None:
            return self.policy_losses(batch, self.policy_gradient)
        losses = super().token_losses(batch)
        self.terms = {"divergence": self.terms["divergence"]}  # the likelihood of one's own words says nothing
        return losses

    def policy_losses(self, batch: Batch, policy_gradient: SampledReverseKL) -> Tensor:
        """Return the policy gradient's loss of every token of the answers, [supervised]."""
        made = chunked_terms(
            partial(sampled_terms, self.divergence),
            projection_of(self.split, batch.input_ids, batch.positions),
            self.source.says(batch),
            batch.targets,
        )
        student, teacher, divergence = made.unbind()
        self.terms = {"divergence": divergence.detach()}
        return policy_gradient.losses(student, teacher, divergence, batch.sequences)

    @property
    def teacher_share(self) -> float:
        """Weight of the divergence in the update at hand: all of it on answers, which are no text to be learnt."""
        return 1.0 if self.sampled_updates.sampled else super().teacher_share

    def close_update(self) -> None:
        """Log what was sampled, beside the loss."""
        super().close_update()
        figures = self.sampled_updates.figures
        if figures is not None and self.sampled_updates.sampled:
            found = {
                "answer_tokens": figures.mean_tokens,
                "truncated_share": figures.truncated_share,
                "anew_share": figures.anew_share,
            }
            self.log_dict(found, batch_size=1, rank_zero_only=True)
        self.log("student_share", self.sampled_updates.share.share(), batch_size=1, rank_zero_only=True)

    def pace(self, update: int, updates: int) -> tuple[float, ...]:
        """Return what the losses' schedules say, and how many answers are written anew."""
        return (*super().pace(update, updates), *self.sampled_updates.pace(update, updates))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep only what trains, and what sampling has to remember."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["sampling"] = self.sampled_updates.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another run, and go on sampling where it stopped.

        Raises:
            CheckpointMismatch: Going on would not continue the same run.
        """
        super().on_load_checkpoint(checkpoint)
        self.sampled_updates.load_state_dict(checkpoint["sampling"])
