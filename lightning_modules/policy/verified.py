"""Learning from answers that were written, marked and stored before training: NFT, GRPO and rejection fine-tuning."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from torch import Tensor

from lessons.errors import CheckpointMismatch, ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules.callbacks.run_folder import RunFolder
from lightning_modules.data.collate import Batch
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.policy.losses import PolicyLoss
from lightning_modules.policy.policy_log import PolicyLog, measure, read_policy, write_policy
from lightning_modules.policy.policy_module import Average, PolicyModule
from lightning_modules.policy.stored_marks import StoredMarks
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable, SupervisedModule
from lightning_modules.white_box.starting_point import StartingPoint
from students.student import Student

__all__ = ["VerifiedModule"]

log = logging.getLogger(__name__)

POLICY_FILE = "policy.parquet"


class VerifiedModule(PolicyModule):
    """Trains on stored answers with a verifier's marks, as `students.AnswerGroups` shows them.

    The ratios are taken to the policy that wrote the answers; see `PolicyModule` for the loss and what is logged. For
    answers written during training use `OnlineVerifiedModule`.

    Args:
        student: The model that learns.
        loss: What is made of ratios and rewards.
        average: What the sum of the tokens' losses is divided by: "tokens", "answers" or "constant".
        longest_answer: The constant of average "constant", in tokens; left out otherwise.
        reference_weight: GRPO's beta: what a nat of distance from the student before training costs, at least 0. What
            that student thought of the answers is measured once, before the first update.
        policy: File with the log-probabilities of the policy that wrote the answers, from
            `lightning_modules.log_policy`. None: the student as it is when the run starts wrote them; they are measured
            then and kept in the run's folder.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 1e-5 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    def __init__(
        self,
        student: Student,
        loss: PolicyLoss,
        average: Average = "tokens",
        longest_answer: int | None = None,
        reference_weight: float = 0.0,
        policy: str | None = None,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, loss, average, longest_answer, reference_weight, optimizer, schedule)
        self.policy = policy
        self.resumed = False
        self.rendered: RenderedLessons | None = None
        self.stored: StoredMarks | None = None

    def companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion:
        """Return what adds rewards and old log-probabilities to every micro-batch.

        Raises:
            ConfigError: The answers have no rewards, or some that the loss cannot use.
            CheckpointMismatch: The file of log-probabilities belongs to other answers.
        """
        self.rendered = rendered
        self.stored = StoredMarks(rendered, None if self.policy is None else read_policy(self.policy, rendered))
        rewards = self.stored.marks[0]
        partial_credit = rewards[(rewards != 0) & (rewards != 1)]
        if self.loss.needs_right_and_wrong and len(partial_credit):
            raise ConfigError(
                f"{type(self.loss).__name__} knows right and wrong answers only, but an answer has the reward "
                f"{float(partial_credit[0]):g}. Allowed are 0 and 1. Set the rendering's reward: correct, or use "
                "lightning_modules.GroupAdvantage."
            )
        return self.stored

    def on_fit_start(self) -> None:
        """Say what the loss is, and make ready what the ratios are taken to."""
        super().on_fit_start()
        if self.stored is None:
            raise RuntimeError("the data module asks for a companion before training")
        if self.stored.policy is None:
            self.stored.policy = self.starting_policy()
        if self.reference_weight:
            self.stored.reference = self.stored.policy if self.policy is None else self.starting_reference()
        if self.trainer.is_global_zero:
            log.info(
                "%d answers to %d questions; those to %d have one reward only",
                self.stored.marks.shape[1], self.stored.questions, self.stored.one_sided,
            )  # fmt: skip

    def starting_policy(self) -> PolicyLog:
        """Return what the student thought of the answers when the run started: measured then, read again at a resume.

        Raises:
            CheckpointMismatch: The run is resumed and the file is another's.
            DataError: The run is resumed and the file is gone.
        """
        if self.rendered is None:
            raise RuntimeError("the data module asks for a companion before training")
        path, mine = RunFolder.of(self.trainer).root / POLICY_FILE, self.student.fingerprint
        if self.resumed:
            found = read_policy(path, self.rendered)
            if found.policy != mine:
                raise CheckpointMismatch(
                    f"{path} holds log-probabilities of another student ({found.policy[:12]}; this run started from "
                    f"{mine[:12]}). A run is resumed with those that it measured. Restore the file, or start a new run."
                )
            return found
        model = self.student.model
        was_training = model.training
        model.train(False)  # dropout would make a policy that never wrote anything
        try:
            with self.trainer.precision_plugin.forward_context():
                found = measure(self.rendered, partial(SupervisedModule.token_losses, self), self.device, mine)
        finally:
            model.train(was_training)
        if self.trainer.is_global_zero:
            write_policy(path, found, self.rendered)
        return found

    def starting_reference(self) -> PolicyLog:
        """Return what the student before training thinks of the answers; a resume measures the same again."""
        if self.rendered is None:
            raise RuntimeError("the data module asks for a companion before training")
        with StartingPoint(self).lent() as split, self.trainer.precision_plugin.forward_context():

            def nll(batch: Batch) -> Tensor:
                return split.nll(batch.input_ids, batch.positions, batch.targets)

            return measure(self.rendered, nll, self.device, self.student.fingerprint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another student or of other settings."""
        super().on_load_checkpoint(checkpoint)
        self.resumed = True
