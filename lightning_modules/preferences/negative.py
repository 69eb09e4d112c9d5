"""A loss on bad texts alone."""

from __future__ import annotations

from torch import Tensor

from lightning_modules.losses.preferences import npo
from lightning_modules.preferences.base import TextPreference, Units, require
from lightning_modules.preferences.texts import StepTotals, Texts

__all__ = ["NPO"]


class NPO(TextPreference):
    """-(2 / beta) log sigmoid(-beta log r(y-)): push bad texts away, good ones aside.

    Negative preference optimisation (Zhang et al. 2024, arXiv:2404.05868). At the start its gradient is that of
    ascending the likelihood's negative; it fades as a text becomes unlikely, and the loss never falls below 0. Good
    texts count through `supervised_weight` alone, the paper's retain term.

    Args:
        reward_scale: beta, above 0; towards 0 the loss becomes plain gradient ascent, which has no lower bound.
        supervised_weight: Weight of the likelihood of the good texts' tokens, added to the loss.
        largest_fall: Stop when the good texts have become less likely than to the reference by more than this, in nats
            a token on average; None: never.
    """

    needs_reference = True

    def __init__(
        self, reward_scale: float = 0.1, supervised_weight: float = 0.0, largest_fall: float | None = None
    ) -> None:
        self.reward_scale = reward_scale
        self.supervised_weight = supervised_weight
        self.largest_fall = largest_fall

    @property
    def formula(self) -> str:
        """The loss of a text in words."""
        return f"-{2 / self.reward_scale:g} * log sigmoid(-{self.reward_scale:g} * log-ratio) of rejected texts"

    def units(self, texts: Texts) -> Units:
        """Return the losses of the micro-batch's bad texts."""
        return super().units(texts.where(~texts.chosen))

    def per_text(self, texts: Texts) -> Tensor:
        """Return the loss of every bad text, [texts]."""
        return npo(texts.log_ratio, self.reward_scale)

    def total(self, step: StepTotals) -> float:
        """Return the total weight of the bad texts."""
        return step.rejected

    def reward(self, texts: Texts) -> Tensor:
        """Return beta times the log-ratio, [texts]."""
        return self.reward_scale * texts.log_ratio

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        require(self, "reward_scale", self.reward_scale > 0, "values above 0")
