"""A loss that draws the implicit reward of single texts towards their scores."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from lightning_modules.losses.preferences import score_distance
from lightning_modules.preferences.base import TextPreference, require
from lightning_modules.preferences.texts import Texts

__all__ = ["UFT"]


class UFT(TextPreference):
    """(sigmoid(beta log r(y)) - u)^2, or the cross-entropy of the two, with u the score of the text in [0, 1].

    UNA (Wang et al. 2024, arXiv:2408.15339) and UFT (Wang et al. 2024, arXiv:2410.21438), which mixes in texts to learn
    from with u = 1, so that supervised training and alignment are one stage. As in the authors' code: chosen texts have
    u = 1 and rejected ones u = 0 where nobody gave a score, and the sum over a pair's two texts is the mean here, up to
    a factor of 2. `students.Contrasts` takes prompts with good texts alone too, and with `scored_by` a judge's scores.

    Args:
        reward_scale: beta, above 0; 0.01 to 0.03 in the authors' scripts.
        distance: "squared" or "cross_entropy".
        supervised_weight: Weight of the likelihood of the chosen texts' tokens, added to the loss.
        largest_fall: Stop when the chosen texts have become less likely than to the reference by more than this, in
            nats a token on average; None: never.
    """

    needs_reference = True

    def __init__(
        self,
        reward_scale: float = 0.01,
        distance: Literal["squared", "cross_entropy"] = "squared",
        supervised_weight: float = 0.0,
        largest_fall: float | None = None,
    ) -> None:
        self.reward_scale = reward_scale
        self.distance = distance
        self.supervised_weight = supervised_weight
        self.largest_fall = largest_fall

    @property
    def formula(self) -> str:
        """The loss of a text in words."""
        ratio = f"sigmoid({self.reward_scale:g} * log-ratio)"
        return f"({ratio} - score)^2" if self.distance == "squared" else f"cross-entropy of score and {ratio}"

    def per_text(self, texts: Texts) -> Tensor:
        """Return the loss of every text, [texts]."""
        return score_distance(self.reward(texts), texts.score, self.distance == "cross_entropy")

    def reward(self, texts: Texts) -> Tensor:
        """Return beta times the log-ratio, [texts]."""
        return self.reward_scale * texts.log_ratio

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        require(self, "reward_scale", self.reward_scale > 0, "values above 0")
