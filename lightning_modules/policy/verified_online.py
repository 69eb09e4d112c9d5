"""Learning from answers that the student writes during training and a grader marks at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lessons.grading import Grader
from lightning_modules.data.collate import Batch
from lightning_modules.policy.losses import MARKS, PolicyLoss
from lightning_modules.policy.policy_module import REFERENCE, Average, PolicyModule
from lightning_modules.policy.verifier import OneSided, RewardSource, Verifier
from lightning_modules.sampling import SampledUpdates, Sampling
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable
from lightning_modules.white_box.starting_point import StartingPoint
from students.student import Student

__all__ = ["OnlineVerifiedModule"]


class OnlineVerifiedModule(PolicyModule):
    """Has the student answer the questions of every update several times, marks the answers and learns from them.

    The questions are put as the data module's rendering puts them; its own answers are not read. The ratios are taken
    to the student that wrote; see `PolicyModule` for the loss and what is logged. Here `reward` is the mean over all
    answers, and `one_sided` the share of questions whose answers all got the same reward, which teach nothing.

    Args:
        student: The model that learns.
        loss: What is made of ratios and rewards.
        sampling: How answers are written; several to a question (`samples`), at temperature 1 unless you know better.
        grader: Who marks them.
        average: What the sum of the tokens' losses is divided by: "tokens", "answers" or "constant".
        longest_answer: The constant of average "constant", in tokens; left out otherwise.
        reference_weight: GRPO's beta: what a nat of distance from the student before training costs, at least 0. Above
            0, updates make one forward pass more, and unless it has an adapter that student is in memory too.
        reward: "correct" gives right answers 1 and others 0; "score" takes the grader's partial credit.
        one_sided: What happens to questions whose answers all got the same reward: "leave_out" counts them and averages
            over the others, "keep" lets them count in the average.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 1e-5 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    def __init__(
        self,
        student: Student,
        loss: PolicyLoss,
        sampling: Sampling,
        grader: Grader,
        average: Average = "tokens",
        longest_answer: int | None = None,
        reference_weight: float = 0.0,
        reward: RewardSource = "correct",
        one_sided: OneSided = "leave_out",
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, loss, average, longest_answer, reference_weight, optimizer, schedule)
        self.sampling = sampling
        self.grader = grader
        self.reward = reward
        self.one_sided = one_sided
        self.starting_point = StartingPoint(self)
        self.verifier = Verifier(self, grader, reward, one_sided)
        self.sampled_updates = SampledUpdates(sampling, judge=self.verifier, extras=MARKS, log_probabilities=True)

    @property
    def answers_per_lesson(self) -> int:
        """Answers that the student writes to each lesson, at every update."""
        return self.sampling.samples

    def setup(self, stage: str) -> None:
        """Refuse settings that cannot work, before any weights are read.

        Raises:
            ConfigError: They cannot.
        """
        super().setup(stage)
        self.verifier.check(self.loss, self.sampling.samples)
        self.sampled_updates.check()

    def on_fit_start(self) -> None:
        """Say what the loss is, and make ready to sample and to compare."""
        super().on_fit_start()
        self.sampled_updates.prepare(self)
        if self.reference_weight:
            self.starting_point.prepare()

    def received(self, batch: Batch) -> Batch:
        """Return the marked answers that take the place of a planned micro-batch."""
        made = self.sampled_updates.batch(self, batch)
        if self.reference_weight:
            with torch.no_grad(), self.trainer.precision_plugin.forward_context(), self.starting_point.lent() as split:
                made.extras[REFERENCE] = -split.nll(made.input_ids, made.positions, made.targets)
        return made

    def update_figures(self) -> dict[str, Tensor | float]:
        """Return what is logged of an update: the reward of all answers that were written, not of those trained."""
        return {**super().update_figures(), **self.verifier.figures()}

    def pace(self, update: int, updates: int) -> tuple[float, ...]:
        """Return what the losses' schedules say, and how many answers are written anew."""
        return (*super().pace(update, updates), *self.sampled_updates.pace(update, updates))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep only what trains, and what sampling needs to go on."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["sampling"] = self.sampled_updates.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another student or of other settings, and go on sampling from where it was."""
        super().on_load_checkpoint(checkpoint)
        self.sampled_updates.load_state_dict(checkpoint["sampling"])
