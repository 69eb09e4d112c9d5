"""What training on marked answers has in common, wherever the answers come from."""

from __future__ import annotations

import logging
from math import inf
from typing import ClassVar, Literal

import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.adamw import AdamWSettings
from lightning_modules.data.collate import Batch
from lightning_modules.losses import part_sums, weighted_loss
from lightning_modules.losses.policy import distance_to_reference
from lightning_modules.policy.losses import MARKS, Marks, PolicyLoss
from lightning_modules.policy.losses.base import check_range
from lightning_modules.policy.policy_figures import PolicyFigures
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable, SupervisedModule
from students.student import Student

__all__ = ["REFERENCE", "Average", "PolicyModule"]

log = logging.getLogger(__name__)

Average = Literal["tokens", "answers", "constant"]

REFERENCE = "reference_log_probabilities"
"""Name in `Batch.extras` of the log-probabilities before training, [supervised]."""


class PolicyModule(SupervisedModule):
    """Trains on answers with rewards, by the ratio R of the student to the policy that wrote each token.

    A batch brings, in `Batch.extras`, `reward`, `mean` and `deviation` of every answer ([sequences]; the latter two
    over all answers to its question) and `old_log_probabilities` ([supervised]). Those come from the same forward code
    as the loss, so all ratios are 1 when the student is the policy that wrote.

    With a `reference_weight` above 0 every token of an answer that is trained also costs

        reference_weight * (exp(r) - r - 1),    r = log pi_ref(y_t) - log pi(y_t)

    where pi_ref is the student as it was before training, which a batch brings as `reference_log_probabilities`
    ([supervised]): GRPO's penalty, D_KL[pi || pi_ref] with the weight beta (Shao et al. 2024, arXiv:2402.03300), 0 at
    the first update. Answers whose question teaches nothing pay it too, unless they are left out.

    The loss of an update is, over all its micro-batches and devices, with f the weight of the lesson in the curriculum:

        average "tokens"      sum of f * loss over all tokens / sum of f over all tokens (DAPO)
        average "answers"     sum of f * (mean loss of an answer's tokens) / sum of f over all answers (GRPO)
        average "constant"    sum of f * loss over all tokens / (longest_answer * sum of f over all answers) (Dr. GRPO)

    Logged with every update: `reward` (mean over answers), `ratio` (mean over tokens), `ratio_spread` (the largest
    |log R|), `clipped` (share of tokens that a clip leaves without a gradient) and, where it costs something,
    `reference_distance` (exp(r) - r - 1, mean over tokens).

    Args:
        student: The model that learns.
        loss: What is made of ratios and rewards.
        average: What the sum is divided by.
        longest_answer: The constant of average "constant", in tokens; left out otherwise.
        reference_weight: What a nat of distance from the student before training costs, at least 0.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 1e-5 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update; None keeps it.
    """

    adamw: ClassVar[AdamWSettings] = {"lr": 1e-5, "weight_decay": 0.01}

    def __init__(
        self,
        student: Student,
        loss: PolicyLoss,
        average: Average = "tokens",
        longest_answer: int | None = None,
        reference_weight: float = 0.0,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, optimizer, schedule)
        self.loss = loss
        self.average = average
        self.longest_answer = longest_answer
        self.reference_weight = reference_weight
        self.figures = PolicyFigures()

    def setup(self, stage: str) -> None:
        """Refuse settings that cannot work, before any weights are read.

        Raises:
            ConfigError: They cannot.
        """
        self.loss.check()
        if (self.average == "constant") != (self.longest_answer is not None) or (self.longest_answer or 1) < 1:
            raise ConfigError(
                f"{type(self).__name__} got average={self.average} with longest_answer={self.longest_answer}. Allowed "
                "is average: constant with a longest_answer of at least 1 token, or another average without one. "
                "Correct `average` or `longest_answer`."
            )
        check_range(
            self, "reference_weight", self.reference_weight, 0 <= self.reference_weight < inf, "a number of at least 0"
        )

    def on_fit_start(self) -> None:
        """Say what the loss is."""
        super().on_fit_start()
        if self.trainer.is_global_zero:
            log.info("Loss of a token = %s; R = p(token) / p(token) of the policy that wrote it", self.loss.formula)
        if self.reference_weight and self.trainer.is_global_zero:
            log.info(
                "To it comes %g * (exp(r) - r - 1), r = log p(token) of the student before training - log p(token)",
                self.reference_weight,
            )

    @property
    def averaging(self) -> str:
        """What each mean in the loss is taken over, in words."""
        return {
            "tokens": super().averaging,
            "answers": "its answers of an update, an answer being the mean over its tokens",
            "constant": f"its answers of an update, an answer being the sum over its tokens / {self.longest_answer}",
        }[self.average]

    def token_losses(self, batch: Batch) -> Tensor:
        """Return the loss of every token of the answers, [supervised]."""
        nll = super().token_losses(batch)
        log_ratio = -nll - batch.extras["old_log_probabilities"].to(nll)
        marks = Marks(*(batch.extras[name].to(nll)[batch.sequences] for name in MARKS))
        losses, distance = self.loss.per_token(log_ratio, marks), None
        if self.reference_weight:
            distance = distance_to_reference(-nll, batch.extras[REFERENCE].to(nll))
            losses = losses + self.reference_weight * distance
        with torch.no_grad():
            self.figures.add(batch, log_ratio, self.loss.clipped(log_ratio, marks), distance)
        return losses

    def share_of_update(self, losses: Tensor, batch: Batch) -> Tensor:
        """Return what a micro-batch's token losses, [supervised], add to the loss of its update."""
        if self.average == "tokens":
            return super().share_of_update(losses, batch)
        lengths = torch.bincount(batch.sequences)[batch.sequences]
        sums = part_sums(losses / (self.longest_answer or lengths), batch.weights, batch.parts, len(batch.totals))
        answers = torch.tensor(batch.plan.update_sequence_weights, dtype=batch.totals.dtype)
        part_weights = torch.tensor(list(self.part_weights.values()), dtype=batch.totals.dtype)
        return weighted_loss(sums.nll, answers, part_weights)

    def close_update(self) -> None:
        """Log the update's loss, and how far the student has moved from the policy that wrote."""
        super().close_update()
        for name, value in self.update_figures().items():
            self.log(name, value, batch_size=1)

    def update_figures(self) -> dict[str, Tensor | float]:
        """Return what is logged of an update that is closed, over all devices."""
        found = self.figures.close(self.trainer)
        if not self.reference_weight:
            found.pop("reference_distance", None)
        return found
