"""A loss on all good and bad texts of a question together."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from lightning_modules.losses.preferences import group_alignment
from lightning_modules.preferences.base import LessonPreference, require
from lightning_modules.preferences.texts import Texts

__all__ = ["AFT"]


class AFT(LessonPreference):
    """NLL(good texts) + log(1 + sum over good p and bad n of exp(s_n - s_p)), with s(y) = log pi(y|x) / |y|.

    Alignment fine-tuning (Wang et al. 2023, arXiv:2309.02144): every good text of a question shall be likelier than
    every bad one. Unconstrained, bad texts are pushed down for ever and the student degrades, the paper finds. Its two
    remedies, as we read them: the detached constraint takes s_n as a constant; the boundary constraint adds
    exp(T - s_n) to every term, with T = 2 B - s_p and B the lowest s_p of the question less a margin, so that a term is
    smallest at s_n = B and pulls back what has fallen below. The lowest s_p is taken as a constant.

    `students.Contrasts` renders what it needs; a question with one side only adds nothing to the second term.

    Args:
        constraint: "boundary", "detached" or "none".
        margin: beta of the paper, how far below the worst good text the boundary lies, in nats a token, at least 0; our
            default, the paper's was not to be checked.
        supervised_weight: Weight of the likelihood of the good texts' tokens; the paper's loss has 1.
        largest_fall: Stop when the good texts have become less likely than to the student at the start by more than
            this, in nats a token on average; None: never, and the start is not measured.
    """

    def __init__(
        self,
        constraint: Literal["boundary", "detached", "none"] = "boundary",
        margin: float = 0.5,
        supervised_weight: float = 1.0,
        largest_fall: float | None = None,
    ) -> None:
        self.constraint = constraint
        self.margin = margin
        self.supervised_weight = supervised_weight
        self.largest_fall = largest_fall

    @property
    def formula(self) -> str:
        """The loss of a lesson in words."""
        return f"log(1 + sum of exp(mean log p of bad - of good) over all pairs), constraint {self.constraint}"

    def per_lesson(self, texts: Texts, lessons: int) -> Tensor:
        """Return the loss of every lesson, [lessons]."""
        return group_alignment(texts.mean, texts.chosen, texts.lesson, lessons, self.constraint, self.margin)

    def reward(self, texts: Texts) -> Tensor:
        """Return the mean log-probability of a token, [texts]."""
        return texts.mean

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        require(self, "margin", self.margin >= 0, "values of at least 0")
