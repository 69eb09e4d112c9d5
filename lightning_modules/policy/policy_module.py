"""What training on marked answers has in common, wherever the answers come from."""

from __future__ import annotations

import logging
from typing import ClassVar, Literal

import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.data.collate import Batch
from lightning_modules.losses import part_sums, weighted_loss
from lightning_modules.policy.losses import MARKS, Marks, PolicyLoss
from lightning_modules.policy.policy_figures import PolicyFigures
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import AdamWSettings, OptimizerCallable, SchedulerCallable, SupervisedModule
from students.student import Student

__all__ = ["Average", "PolicyModule"]

log = logging.getLogger(__name__)

Average = Literal["tokens", "answers", "constant"]


class PolicyModule(SupervisedModule):
    """Trains on answers with rewards, by the ratio R of the student to the policy that wrote each token.

    A batch brings, in `Batch.extras`, `reward`, `mean` and `deviation` of every answer ([sequences]; the latter two
    over all answers to its question) and `old_log_probabilities` ([supervised]). Those come from the same forward code
    as the loss, so all ratios are 1 when the student is the policy that wrote.

    The loss of an update is, over all its micro-batches and devices, with f the weight of the lesson in the curriculum:

        average "tokens"      sum of f * loss over all tokens / sum of f over all tokens (DAPO)
        average "answers"     sum of f * (mean loss of an answer's tokens) / sum of f over all answers (GRPO)
        average "constant"    sum of f * loss over all tokens / (longest_answer * sum of f over all answers) (Dr. GRPO)

    Logged with every update: `reward` (mean over answers), `ratio` (mean over tokens), `ratio_spread` (the largest
    |log R|) and `clipped` (share of tokens that a clip leaves without a gradient).

    Args:
        student: The model that learns.
        loss: What is made of ratios and rewards.
        average: What the sum is divided by.
        longest_answer: The constant of average "constant", in tokens; left out otherwise.
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
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, optimizer, schedule)
        self.loss = loss
        self.average = average
        self.longest_answer = longest_answer
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

    def on_fit_start(self) -> None:
        """Say what the loss is."""
        super().on_fit_start()
        if self.trainer.is_global_zero:
            log.info("Loss of a token = %s; R = p(token) / p(token) of the policy that wrote it", self.loss.formula)

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
        with torch.no_grad():
            self.figures.add(batch, log_ratio, self.loss.clipped(log_ratio, marks))
        return self.loss.per_token(log_ratio, marks)

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
        return self.figures.close(self.trainer)
