"""Marks what the student writes during training, and compares the answers to one question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import torch

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Prompt
from lightning_modules.losses.policy import group_statistics
from lightning_modules.policy.losses import MARKS, PolicyLoss
from lightning_modules.sampling import Answer, texts
from students.ranks import Ranks

if TYPE_CHECKING:
    from lightning_modules.supervised import SupervisedModule

__all__ = ["OneSided", "RewardSource", "Verifier"]

OneSided = Literal["leave_out", "keep"]
RewardSource = Literal["correct", "score"]


class Verifier:
    """Gives every answer its reward and its question's mean and deviation: the judge of `sampling.SampledUpdates`.

    Args:
        module: The module in training, whose student wrote the answers and whose data has the questions.
        grader: Who marks.
        reward: "correct" gives right answers 1 and others 0; "score" takes the grader's partial credit.
        one_sided: What happens to questions whose answers all got the same reward: "leave_out" or "keep".
    """

    def __init__(
        self,
        module: SupervisedModule,
        grader: Grader,
        reward: RewardSource,
        one_sided: OneSided,
    ) -> None:
        self.module = module
        self.grader = grader
        self.reward = reward
        self.one_sided = one_sided
        self.counts = torch.zeros(4, dtype=torch.float64)  # in the update at hand, on this process: see `figures`

    def check(self, loss: PolicyLoss, samples: int) -> None:
        """Refuse what could never teach anything, or what the loss cannot use.

        Raises:
            ConfigError: There is one answer to a question, or partial credit for a loss that knows right and wrong.
        """
        if samples < 2:
            raise ConfigError(
                f"There is {samples} answer to every question (sampling.samples), and nothing to compare it with: its "
                "reward would be the mean reward. Allowed are 2 or more; 4 to 16 are usual. Raise `samples`."
            )
        if loss.needs_right_and_wrong and self.reward != "correct":
            raise ConfigError(
                f"{type(loss).__name__} knows right and wrong answers only, but reward is {self.reward!r}. Allowed is "
                "'correct'. Set it, or use lightning_modules.GroupAdvantage, which takes any reward."
            )

    def __call__(self, answers: Sequence[Answer]) -> list[Answer]:
        """Return the answers with rewards, and with weight 0 those that are left out."""
        rewards = torch.tensor(
            [self.mark(a, text) for a, text in zip(answers, texts(self.module.student, answers), strict=True)],
            dtype=torch.float64,
        )
        names = [(answer.asked.sequence, answer.asked.group) for answer in answers]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        group = torch.tensor([numbers[name] for name in names], dtype=torch.int64)
        found = group_statistics(rewards, group, len(numbers))
        alike = found.deviation == 0
        self.counts = torch.tensor([rewards.sum(), len(rewards), alike.sum(), len(numbers)], dtype=torch.float64)
        out = alike[group] if self.one_sided == "leave_out" else torch.zeros_like(group, dtype=torch.bool)
        marks = torch.stack([rewards, found.mean[group], found.deviation[group]], 1).tolist()
        return [
            replace(
                answer,
                weight=0.0 if dull else answer.weight,
                extras={**answer.extras, **dict(zip(MARKS, row, strict=True))},
            )
            for answer, row, dull in zip(answers, marks, out.tolist(), strict=True)
        ]

    def figures(self) -> dict[str, float]:
        """Return the mean reward of the update's answers, and the share of its questions whose answers are alike."""
        counts, ranks = self.counts.clone(), Ranks.here()
        if ranks.world_size > 1:
            ranks.add_up(counts)
        reward, answers, alike, questions = counts.tolist()
        return {"reward": reward / max(1.0, answers), "one_sided": alike / max(1.0, questions)}

    def mark(self, answer: Answer, text: str) -> float:
        """Return the reward of an answer."""
        grade = self.grader.grade(text, self.prompt(answer.asked.lesson_id))
        return float(grade.correct) if self.reward == "correct" else grade.score

    def prompt(self, lesson_id: str) -> Prompt:
        """Return what a lesson asks."""
        lessons = self.module.trainer.datamodule.lessons_of_plan  # type: ignore[attr-defined]
        prompt: Prompt = lessons[lessons.position_of[lesson_id]].prompt
        return prompt
