"""Stored answers with their marks: what the loss needs beside the tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.data.collate import Weighted
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.losses.policy import group_statistics
from lightning_modules.policy.policy_log import PolicyLog
from lightning_modules.policy.policy_module import REFERENCE

__all__ = ["StoredMarks"]

Ints = npt.NDArray[np.int64]


class StoredMarks(Companion):
    """Adds every answer's reward, the mean and deviation of its question's, and the old log-probabilities.

    A question is a rendered lesson: what its sequences were given is compared.

    Args:
        rendered: The sequences with their rewards.
        policy: The log-probabilities under the policy that wrote them; None until they are measured.
    """

    def __init__(self, rendered: RenderedLessons, policy: PolicyLog | None = None) -> None:
        if rendered.rewards is None or np.isnan(rendered.rewards).any():
            raise ConfigError(
                "The answers of these lessons have no rewards. Losses on marked answers need a rendering that gives "
                "every answer one. Use students.AnswerGroups for stored answers, or let the student write them "
                "in training with lightning_modules.OnlineVerifiedModule."
            )
        self.policy = policy
        self.reference: PolicyLog | None = None  # the log-probabilities before training, where they cost something
        lesson_of = torch.from_numpy(np.repeat(np.arange(len(rendered)), rendered.sequence_counts))
        rewards = torch.from_numpy(rendered.rewards)
        groups = group_statistics(rewards, lesson_of, len(rendered))
        self.marks = torch.stack([rewards, groups.mean[lesson_of], groups.deviation[lesson_of]])  # [3, sequences]
        self.questions, self.one_sided = len(rendered), int((groups.deviation == 0).sum())

    def extras(self, numbers: Ints, sequences: Sequence[Weighted]) -> dict[str, Tensor]:
        """Return "reward", "mean" and "deviation", [sequences], and the logarithms of before, [supervised] each."""
        if self.policy is None:
            raise RuntimeError("the policy is measured before the first batch is collated")
        # A micro-batch without lessons still has one token, which belongs to a sequence.
        marks = self.marks[:, torch.from_numpy(numbers)] if len(numbers) else torch.zeros(3, 1, dtype=torch.float64)
        reward, mean, deviation = marks.unbind()
        logs = {"old_log_probabilities": self.policy, REFERENCE: self.reference}
        return {"reward": reward, "mean": mean, "deviation": deviation} | {
            name: torch.from_numpy(log.of(numbers) if len(numbers) else np.zeros(1, np.float32))
            for name, log in logs.items()
            if log is not None
        }
