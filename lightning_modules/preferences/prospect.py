"""A preference loss on single texts that are good or bad, without pairs."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lightning_modules.losses.preferences import kto
from lightning_modules.preferences.base import TextPreference, require
from lightning_modules.preferences.texts import Texts

__all__ = ["KTO"]


class KTO(TextPreference):
    """w+ (1 - sigmoid(beta (log r(y) - z0))) for good texts, w- (1 - sigmoid(beta (z0 - log r(y)))) for bad ones.

    Kahneman-Tversky optimisation (Ethayarajh et al. 2024, arXiv:2402.01306). z0 estimates how far the student is from
    the reference, KL(pi || pi_ref), as max(0, mean log-ratio of texts that answer other questions); no gradient goes
    through it. The paper takes it over the micro-batch at hand, so that splitting an update changes what is learnt.
    Here it is the mean over the whole update before, over all its micro-batches and devices: 0 at the first, where
    student and reference agree (unless another model is the reference, of which the first update does not know yet).

    Args:
        reward_scale: beta, above 0.
        good_weight: w+ (lambda_D), at least 0. The paper keeps w+ times the good texts between 1 and 4/3 of w- times
            the bad ones.
        bad_weight: w- (lambda_U), at least 0.
        reference_point: "mismatched" measures z0, for which the lessons are rendered by
            `students.Contrasts(mismatched=true)`; "zero" sets it to 0.
        supervised_weight: Weight of the likelihood of the good texts' tokens, added to the loss.
        largest_fall: Stop when the good texts have become less likely than to the reference by more than this, in nats
            a token on average; None: never.
    """

    needs_reference = True

    def __init__(
        self,
        reward_scale: float = 0.1,
        good_weight: float = 1.0,
        bad_weight: float = 1.0,
        reference_point: Literal["mismatched", "zero"] = "mismatched",
        supervised_weight: float = 0.0,
        largest_fall: float | None = None,
    ) -> None:
        self.reward_scale = reward_scale
        self.good_weight = good_weight
        self.bad_weight = bad_weight
        self.reference_point = reference_point
        self.supervised_weight = supervised_weight
        self.largest_fall = largest_fall

    @property
    def needs_mismatched(self) -> bool:  # type: ignore[override]  # an attribute elsewhere; here it depends on a setting
        """Whether z0 is measured."""
        return self.reference_point == "mismatched"

    @property
    def formula(self) -> str:
        """The loss of a text in words."""
        point = "z0" if self.reference_point == "mismatched" else "0"
        return (
            f"{self.good_weight:g} * sigmoid({self.reward_scale:g} * ({point} - log-ratio)) of good texts, "
            f"{self.bad_weight:g} * sigmoid({self.reward_scale:g} * (log-ratio - {point})) of bad ones"
            + (", z0 from the update before" if point == "z0" else "")
        )

    def per_text(self, texts: Texts) -> Tensor:
        """Return the loss of every text, [texts]."""
        point = texts.reference_point if self.needs_mismatched else torch.zeros_like(texts.reference_point)
        return kto(texts.log_ratio, texts.chosen, point, self.reward_scale, self.good_weight, self.bad_weight)

    def reward(self, texts: Texts) -> Tensor:
        """Return beta times the log-ratio, [texts]."""
        return self.reward_scale * texts.log_ratio

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        require(self, "reward_scale", self.reward_scale > 0, "values above 0")
        require(self, "good_weight", self.good_weight >= 0, "values of at least 0")
        require(self, "bad_weight", self.bad_weight >= 0, "values of at least 0")
