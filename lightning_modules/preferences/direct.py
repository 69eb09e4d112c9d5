"""Preference losses on the log-ratio to a reference, pair by pair."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from lightning_modules.losses.preferences import ipo, preference_nll
from lightning_modules.preferences.base import PairPreference, require
from lightning_modules.preferences.texts import Texts

__all__ = ["DPO", "IPO"]


class DPO(PairPreference):
    """-log sigmoid(beta (log r(y+) - log r(y-))), with log r(y) = log pi(y|x) - log pi_ref(y|x).

    Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290). It asks only for a gap: both texts may
    become less likely, the chosen one too, and often do. Three things hold that up, each off at first: `floor_weight`,
    `supervised_weight` (as in iterative reasoning preference optimisation, Pang et al. 2024, arXiv:2404.19733) and
    `largest_fall`. With `students.Pairs(step=true)` it is Step-DPO.

    Args:
        reward_scale: beta, above 0; the implicit reward is beta times the log-ratio. 0.1 is usual for "sum"; "mean"
            needs much more (5 in Tulu 3 and delta learning).
        length: "sum" compares the log-ratios of whole texts; "mean" divides each by the number of the text's tokens,
            as Tulu 3 does (Lambert et al. 2024, arXiv:2411.15124), so that long texts do not weigh more.
        label_smoothing: e, the probability that a pair is the wrong way round, at least 0 and below 0.5: the loss is
            (1 - e) times that above and e times that of the pair turned round (conservative DPO, Mitchell 2023).
        floor_weight: lambda of DPO-Positive (Pal et al. 2024, arXiv:2402.13228): lambda max(0, -log r(y+)) is taken off
            the gap, which costs as soon as the chosen text is less likely than to the reference; 0 leaves it out.
        supervised_weight: Weight of the likelihood of the chosen texts' tokens, added to the loss.
        largest_fall: Stop when the chosen texts have become less likely than to the reference by more than this, in
            nats a token on average; None: never.
    """

    needs_reference = True

    def __init__(
        self,
        reward_scale: float = 0.1,
        length: Literal["sum", "mean"] = "sum",
        label_smoothing: float = 0.0,
        floor_weight: float = 0.0,
        supervised_weight: float = 0.0,
        largest_fall: float | None = None,
    ) -> None:
        self.reward_scale = reward_scale
        self.length = length
        self.label_smoothing = label_smoothing
        self.floor_weight = floor_weight
        self.supervised_weight = supervised_weight
        self.largest_fall = largest_fall

    @property
    def formula(self) -> str:
        """The loss of a pair in words."""
        ratio = "log-ratio" if self.length == "sum" else "log-ratio a token"
        floor = f", less {self.floor_weight:g} * its fall" if self.floor_weight else ""
        smoothing = f", label smoothing {self.label_smoothing:g}" if self.label_smoothing else ""
        return f"-log sigmoid({self.reward_scale:g} * ({ratio} of chosen - of rejected{floor})){smoothing}"

    def per_pair(self, chosen: Texts, rejected: Texts) -> Tensor:
        """Return the loss of every pair, [pairs]."""
        mine = self.ratio(chosen)
        gap = mine - self.ratio(rejected)
        if self.floor_weight:
            gap = gap - self.floor_weight * (-mine).relu()
        return preference_nll(self.reward_scale * gap, self.label_smoothing)

    def ratio(self, texts: Texts) -> Tensor:
        """Return the log-ratio of every text, [texts]."""
        return texts.log_ratio if self.length == "sum" else texts.mean_log_ratio

    def reward(self, texts: Texts) -> Tensor:
        """Return beta times the log-ratio, [texts]."""
        return self.reward_scale * self.ratio(texts)

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        require(self, "reward_scale", self.reward_scale > 0, "values above 0")
        require(self, "label_smoothing", 0 <= self.label_smoothing < 0.5, "values from 0 and below 0.5")
        require(self, "floor_weight", self.floor_weight >= 0, "values of at least 0")


class IPO(PairPreference):
    """((1/|y+|) log r(y+) - (1/|y-|) log r(y-) - 1 / (2 tau))^2.

    Identity preference optimisation (Azar et al. 2023, arXiv:2310.12036, equation 17). The gap has a size to reach: it
    is not driven up for ever as in DPO, even where a pair is never contradicted. The paper writes sums; its results
    are those of means a token, as its authors told the makers of TRL, and so it is here.

    Args:
        regularisation: tau, above 0: the gap aimed at is 1 / (2 tau) nats a token.
        supervised_weight: Weight of the likelihood of the chosen texts' tokens, added to the loss.
        largest_fall: Stop when the chosen texts have become less likely than to the reference by more than this, in
            nats a token on average; None: never.
    """

    needs_reference = True

    def __init__(
        self, regularisation: float = 0.1, supervised_weight: float = 0.0, largest_fall: float | None = None
    ) -> None:
        self.regularisation = regularisation
        self.supervised_weight = supervised_weight
        self.largest_fall = largest_fall

    @property
    def formula(self) -> str:
        """The loss of a pair in words."""
        return f"(log-ratio a token of chosen - of rejected - {1 / (2 * self.regularisation):g})^2"

    def per_pair(self, chosen: Texts, rejected: Texts) -> Tensor:
        """Return the loss of every pair, [pairs]."""
        return ipo(chosen.mean_log_ratio - rejected.mean_log_ratio, self.regularisation)

    def reward(self, texts: Texts) -> Tensor:
        """Return the log-ratio a token, [texts]."""
        return texts.mean_log_ratio

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        require(self, "regularisation", self.regularisation > 0, "values above 0")
