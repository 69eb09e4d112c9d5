"""Right answers against wrong ones."""

from __future__ import annotations

from itertools import islice

from lessons.pairings.base import Pair, Pairing, across, check_count
from lessons.pairings.scores import candidates
from lessons.records import Lesson

__all__ = ["RightAgainstWrong"]


class RightAgainstWrong(Pairing):
    """Sets texts whose answer was graded right against texts whose answer was graded wrong.

    The first right one against the first wrong one, then the second against the second, and so on up to
    `pairs_per_prompt`: what rejection sampling leaves behind is used instead of thrown away, as in REDI (Xu et
    al. 2025, arXiv:2505.24850).

    Args:
        of: The kind of the texts, such as "rationale" or "answer".
        pairs_per_prompt: At most this many pairs of one prompt.
    """

    def __init__(self, of: str = "rationale", pairs_per_prompt: int = 1) -> None:
        self.of = of
        self.pairs_per_prompt = pairs_per_prompt

    def pairs(self, lesson: Lesson) -> list[Pair]:
        """Return the lesson's pairs of a right and a wrong text."""
        check_count(self, self.pairs_per_prompt)
        found = candidates(lesson, self.of)
        right, wrong = ([text for text in found if (text.score == 1) is wished] for wished in (True, False))
        return list(islice(across(right, wrong), self.pairs_per_prompt))
