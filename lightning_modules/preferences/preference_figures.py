"""What is watched while a student learns from preferences."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.preferences import PairPreference, Preference, Texts

__all__ = ["FIGURES", "Figures"]

FIGURES = (
    "chosen_log_probability",
    "rejected_log_probability",
    "margin",
    "preference_accuracy",
    "chosen_fall",
    "mismatched_log_ratio",
)
"""Means over an update: of the texts' mean log-probabilities of a token; of the reward of chosen less that of rejected
texts, and how often that is above 0; of how far chosen texts fell below the reference, in nats a token; of the log-
ratio of texts that answer other questions."""


class Weighed(NamedTuple):
    """Values with their weights."""

    values: Tensor
    weights: Tensor


class Figures:
    """Adds up the figures of an update over its micro-batches.

    Args:
        preference: Whose rewards are compared.
    """

    def __init__(self, preference: Preference) -> None:
        self.preference = preference
        self.sums: Tensor | None = None  # [figures, 2]: sum of weighted values, sum of weights

    @torch.no_grad()
    def add(self, texts: Texts, mismatched: Texts) -> None:
        """Count the texts of a micro-batch, and those that answer other questions."""
        chosen, rejected = texts.where(texts.chosen), texts.where(~texts.chosen)
        gaps = self.gaps(chosen, rejected)
        fall = chosen.reference_log_probability / chosen.tokens - chosen.mean
        found = (
            Weighed(chosen.mean, chosen.weight),
            Weighed(rejected.mean, rejected.weight),
            gaps,
            Weighed((gaps.values > 0).to(gaps.values), gaps.weights),
            Weighed(fall, chosen.weight),
            Weighed(mismatched.log_ratio, mismatched.weight),
        )
        sums = torch.stack([torch.stack([(values * weights).sum(), weights.sum()]) for values, weights in found])
        self.sums = sums if self.sums is None else self.sums + sums

    def gaps(self, chosen: Texts, rejected: Texts) -> Weighed:
        """Return the differences of rewards: of the pairs, or where there are none, of all two texts of a lesson."""
        better, worse = self.preference.reward(chosen), self.preference.reward(rejected)
        if isinstance(self.preference, PairPreference):
            return Weighed(better - worse, chosen.weight)
        same = chosen.lesson[:, None] == rejected.lesson
        return Weighed((better[:, None] - worse)[same], chosen.weight[:, None].expand_as(same)[same])

    def close(self, over_devices: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """Return the means over the update, of all devices, and begin anew; a figure of nothing is left out."""
        sums, self.sums = self.sums, None
        if sums is None:
            return {}
        values, weights = over_devices(sums).unbind(1)
        means = (values / weights).unbind()
        return {name: mean for name, mean, weight in zip(FIGURES, means, weights.tolist(), strict=True) if weight > 0}
