"""The best texts against the worst, by score."""

from __future__ import annotations

from itertools import combinations

from lessons.pairings.base import Pair, Pairing, check_count
from lessons.pairings.scores import GRADE, candidates
from lessons.records import Lesson

__all__ = ["BestAgainstWorst"]


class BestAgainstWorst(Pairing):
    """Sets texts against each other whose scores differ, those that differ most first.

    With one pair a prompt it is the best text against the worst. Ties between equal gaps go to the better chosen text,
    then to the lower sample numbers.

    Args:
        of: The kind of the texts.
        scored_by: "grade" for the grader's score, or the kind of annotations that judge such texts, such as
            "judgement" or "rubric_grade" (the mean of their values).
        least_gap: The scores of a pair differ by at least this much; above 0.
        pairs_per_prompt: At most this many pairs of one prompt.
    """

    def __init__(
        self, of: str = "rationale", scored_by: str = GRADE, least_gap: float = 1e-6, pairs_per_prompt: int = 1
    ) -> None:
        self.of = of
        self.scored_by = scored_by
        self.least_gap = least_gap
        self.pairs_per_prompt = pairs_per_prompt

    def pairs(self, lesson: Lesson) -> list[Pair]:
        """Return the lesson's pairs, the widest gap first."""
        check_count(self, self.pairs_per_prompt)
        ranked = sorted(candidates(lesson, self.of, self.scored_by), key=lambda text: -text.score)
        found = [Pair(better, worse) for better, worse in combinations(ranked, 2)]
        wide = [pair for pair in found if pair.gap >= max(self.least_gap, 1e-12)]
        return sorted(wide, key=lambda pair: (-pair.gap, -pair.chosen.score))[: self.pairs_per_prompt]
