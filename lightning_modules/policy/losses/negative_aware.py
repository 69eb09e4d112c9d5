"""Supervised learning from right and wrong answers alike."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from lightning_modules.losses.policy import implicit_negative
from lightning_modules.policy.losses.base import Marks, PolicyLoss, check_range

__all__ = ["NegativeAware"]

LOWEST_RATE, HIGHEST_RATE = 0.02, 0.98


class NegativeAware(PolicyLoss):
    """Negative-aware fine-tuning, NFT (Chen et al. 2025, arXiv:2505.18116): no advantages, an implicit negative policy.

    The loss of a token, with r the question's pass rate (kept within 0.02 and 0.98) and R the ratio of student to the
    policy that sampled:

        right answer    w(r) * -log R
        wrong answer    w(r) * -negative_weight * log max_ST((1 - r R) / (1 - r), smallest_ratio)

    While R is 1 its gradient is that of `GroupAdvantage`, without division by the deviation for w(r) = 1 - r and with
    it for w(r) = sqrt((1 - r) / r). With negative_weight 0 it is rejection fine-tuning on the right answers. Only
    questions with right and with wrong answers count. The authors divide the sum by a constant; here `average` of the
    module says by what.

    Args:
        negative_weight: The authors' lambda, at least 0; they use 1 for 7B and suggest 0.5 for 32B.
        question_weight: w(r): "share_wrong" for 1 - r, "odds" for sqrt((1 - r) / r), "none" for 1.
        smallest_ratio: The authors' epsilon, above 0: the floor of the implicit negative ratio, through which the
            gradient passes.
    """

    needs_right_and_wrong = True

    def __init__(
        self,
        negative_weight: float = 1.0,
        question_weight: Literal["share_wrong", "odds", "none"] = "share_wrong",
        smallest_ratio: float = 1.0,
    ) -> None:
        self.negative_weight = negative_weight
        self.question_weight = question_weight
        self.smallest_ratio = smallest_ratio

    def check(self) -> None:
        """Refuse settings out of range."""
        check_range(self, "negative_weight", self.negative_weight, self.negative_weight >= 0, "a number of at least 0")
        check_range(self, "smallest_ratio", self.smallest_ratio, self.smallest_ratio > 0, "a number above 0")

    @property
    def formula(self) -> str:
        """The loss of a token as text."""
        weight = {"share_wrong": "(1 - r) * ", "odds": "sqrt((1 - r) / r) * ", "none": ""}[self.question_weight]
        return (
            f"{weight}-log R of right answers, {weight}{self.negative_weight:g} * -log max((1 - r R) / (1 - r), "
            f"{self.smallest_ratio:g}) of wrong ones, with the question's pass rate r"
        )

    def per_token(self, log_ratio: Tensor, marks: Marks) -> Tensor:
        """Return the loss of every token, [tokens]."""
        rate = marks.mean.clamp(LOWEST_RATE, HIGHEST_RATE)
        losses = implicit_negative(log_ratio, marks.reward > 0.5, rate, self.negative_weight, self.smallest_ratio)
        return (self.weight(rate) * losses).masked_fill(marks.deviation == 0, 0.0)

    def weight(self, rate: Tensor) -> Tensor | float:
        """Return w(r) of every token."""
        if self.question_weight == "none":
            return 1.0
        return 1 - rate if self.question_weight == "share_wrong" else ((1 - rate) / rate).sqrt()
