"""Preference losses that need no reference, pair by pair."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from lightning_modules.losses.preferences import log_odds, odds_ratio, preference_nll, redi
from lightning_modules.preferences.base import PairPreference, require
from lightning_modules.preferences.texts import Texts

__all__ = ["ORPO", "REDI", "SimPO"]


class SimPO(PairPreference):
    """-log sigmoid(beta (s(y+) - s(y-)) - gamma), with s(y) = log pi(y|x) / |y|.

    Simple preference optimisation (Meng et al. 2024, arXiv:2405.14734): the reward is what generation goes by, the mean
    log-probability of a token.

    Args:
        reward_scale: beta, above 0.
        margin: gamma, the gap of rewards below which a pair costs most, at least 0.
        supervised_weight: Weight of the likelihood of the chosen texts' tokens, added to the loss.
        largest_fall: Stop when the chosen texts have become less likely than to the student at the start by more than
            this, in nats a token on average; None: never, and the start is not measured.
    """

    def __init__(
        self,
        reward_scale: float = 2.0,
        margin: float = 1.0,
        supervised_weight: float = 0.0,
        largest_fall: float | None = None,
    ) -> None:
        self.reward_scale = reward_scale
        self.margin = margin
        self.supervised_weight = supervised_weight
        self.largest_fall = largest_fall

    @property
    def formula(self) -> str:
        """The loss of a pair in words."""
        return f"-log sigmoid({self.reward_scale:g} * (mean log p of chosen - of rejected) - {self.margin:g})"

    def per_pair(self, chosen: Texts, rejected: Texts) -> Tensor:
        """Return the loss of every pair, [pairs]."""
        return preference_nll(self.reward(chosen) - self.reward(rejected) - self.margin)

    def reward(self, texts: Texts) -> Tensor:
        """Return beta times the mean log-probability, [texts]."""
        return self.reward_scale * texts.mean

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        require(self, "reward_scale", self.reward_scale > 0, "values above 0")
        require(self, "margin", self.margin >= 0, "values of at least 0")


class ORPO(PairPreference):
    """NLL(y+) + lambda * -log sigmoid(log odds(y+) - log odds(y-)), with odds(y) = p / (1 - p) at p = exp(s(y)).

    Odds ratio preference optimisation (Hong et al. 2024, arXiv:2403.07691): supervised training that turns away from
    the rejected text, in one stage. NLL is the mean over all chosen tokens of the update, as in supervised training
    here; the odds term the mean over its pairs.

    Args:
        odds_weight: lambda, above 0; 0.1 in the paper.
        supervised_weight: Weight of the likelihood of the chosen texts; the paper's loss has 1.
        largest_fall: Stop when the chosen texts have become less likely than to the student at the start by more than
            this, in nats a token on average; None: never, and the start is not measured.
    """

    def __init__(
        self, odds_weight: float = 0.1, supervised_weight: float = 1.0, largest_fall: float | None = None
    ) -> None:
        self.odds_weight = odds_weight
        self.supervised_weight = supervised_weight
        self.largest_fall = largest_fall

    @property
    def formula(self) -> str:
        """The loss of a pair in words."""
        return f"{self.odds_weight:g} * -log sigmoid(log odds of chosen - of rejected)"

    def per_pair(self, chosen: Texts, rejected: Texts) -> Tensor:
        """Return the odds term of every pair, [pairs]."""
        return self.odds_weight * odds_ratio(chosen.mean, rejected.mean)

    def reward(self, texts: Texts) -> Tensor:
        """Return the logarithm of the odds, [texts]."""
        return log_odds(texts.mean)

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        require(self, "odds_weight", self.odds_weight > 0, "values above 0")


class REDI(PairPreference):
    """-s(y+) + alpha s(y-), with s(y) = log pi(y|x) / |y|.

    Reinforcement distillation (Xu et al. 2025, arXiv:2505.24850): the second stage, after supervised training on right
    traces, on pairs of a right and a wrong trace; their best run had alpha 0.8, learning rate 1e-6 and 32 pairs an
    update. The formula is that of their code. With alpha 0 it is supervised training.

    The loss has no lower bound: making rejected texts impossible pays for ever, and what they share with the chosen
    ones goes down as well. So training stops by default when the chosen texts suffer.

    Args:
        negative_weight: alpha, in [0, 1].
        length: By what a text's log-probability is divided: "own" takes its own number of tokens (the paper), "update"
            the mean number of the update's texts of its side; then every token counts alike, and alpha 0 is exactly the
            loss of `SupervisedModule`.
        largest_fall: Stop when the chosen texts have become less likely than to the student at the start by more than
            this, in nats a token on average; None: never, and the start is not measured.
    """

    def __init__(
        self,
        negative_weight: float = 0.8,
        length: Literal["own", "update"] = "own",
        largest_fall: float | None = 0.5,
    ) -> None:
        self.negative_weight = negative_weight
        self.length = length
        self.largest_fall = largest_fall

    @property
    def formula(self) -> str:
        """The loss of a pair in words."""
        divisor = "their own length" if self.length == "own" else "the update's mean length"
        return f"-log p of chosen + {self.negative_weight:g} * log p of rejected, each divided by {divisor}"

    def per_pair(self, chosen: Texts, rejected: Texts) -> Tensor:
        """Return the loss of every pair, [pairs]."""
        return redi(self.reward(chosen), self.reward(rejected), self.negative_weight)

    def reward(self, texts: Texts) -> Tensor:
        """Return the log-probability over the length, [texts]."""
        return texts.mean if self.length == "own" else texts.log_probability / texts.usual_tokens

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        require(self, "negative_weight", 0 <= self.negative_weight <= 1, "values from 0 to 1")
