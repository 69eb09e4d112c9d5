"""Answers that are better than the others to their question become likelier, worse ones less likely."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_modules.losses.policy import clipped_advantage
from lightning_modules.policy.losses.base import Marks, PolicyLoss, check_range

__all__ = ["GroupAdvantage"]


class GroupAdvantage(PolicyLoss):
    """The clipped policy loss with the group's mean reward as baseline: GRPO and its relatives.

    A = (reward - mean) / deviation over the answers to one question; the loss of a token is
    -min(R A, clip(R, 1 - clip_below, 1 + clip_above) A). The named methods are choices of three settings, the third of
    them `VerifiedModule.average`:

    - GRPO (Shao et al. 2024, arXiv:2402.03300): divide_by_deviation, clips 0.2 and 0.2, average "answers", and the
      module's `reference_weight` for its penalty towards a reference (0.04 there, our reading); DAPO and Dr. GRPO have
      none.
    - DAPO (Yu et al. 2025, arXiv:2503.14476; our reading): clips 0.2 and 0.28, average "tokens", and groups that are
      all right or all wrong left out (`one_sided: leave_out` of the rendering).
    - Dr. GRPO (Liu et al. 2025, arXiv:2503.20783; our reading): no division by the deviation, average "constant".

    A group whose rewards are all equal has the advantage 0. The deviation is the population's (our reading; some
    implementations divide by one less).

    Args:
        divide_by_deviation: Divide the advantage by the group's standard deviation, which gives questions that are
            nearly always or nearly never answered right more weight.
        clip_below: How far a ratio may fall below 1 before it loses its gradient, in [0, 1].
        clip_above: How far it may rise above 1, at least 0.
    """

    def __init__(self, divide_by_deviation: bool = True, clip_below: float = 0.2, clip_above: float = 0.2) -> None:
        self.divide_by_deviation = divide_by_deviation
        self.clip_below = clip_below
        self.clip_above = clip_above

    def check(self) -> None:
        """Refuse clips out of range."""
        check_range(self, "clip_below", self.clip_below, 0 <= self.clip_below <= 1, "a number from 0 to 1")
        check_range(self, "clip_above", self.clip_above, self.clip_above >= 0, "a number of at least 0")

    @property
    def formula(self) -> str:
        """The loss of a token as text."""
        divided = " / deviation" if self.divide_by_deviation else ""
        return (
            f"-min(R A, clip(R, {1 - self.clip_below:g}, {1 + self.clip_above:g}) A) "
            f"with A = (reward - mean){divided} over the answers to its question"
        )

    def advantage(self, marks: Marks) -> Tensor:
        """Return A of every token, [tokens]."""
        above = marks.reward - marks.mean
        alike = marks.deviation == 0
        scaled = above / marks.deviation.masked_fill(alike, 1.0) if self.divide_by_deviation else above
        return scaled.masked_fill(alike, 0.0)

    def per_token(self, log_ratio: Tensor, marks: Marks) -> Tensor:
        """Return the clipped policy loss of every token, [tokens]."""
        return clipped_advantage(log_ratio, self.advantage(marks), self.clip_below, self.clip_above)

    def clipped(self, log_ratio: Tensor, marks: Marks) -> Tensor:
        """Return which tokens have moved beyond the clip in the direction of their advantage, bool [tokens]."""
        ratio, advantage = log_ratio.exp(), self.advantage(marks)
        above = (advantage > 0) & (ratio > 1 + self.clip_above)
        return torch.logical_or(above, (advantage < 0) & (ratio < 1 - self.clip_below))
