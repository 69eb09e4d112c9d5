"""Texts of one author against those of another."""

from __future__ import annotations

from itertools import islice

from lessons.pairings.base import Candidate, Pair, Pairing, across, check_count
from lessons.pairings.scores import solution
from lessons.records import Lesson

__all__ = ["KindAgainstKind"]


class KindAgainstKind(Pairing):
    """Sets the texts of a stronger author against those of a weaker one, unseen and unjudged: delta learning.

    After Geng et al. 2025 (arXiv:2507.06187), who set a model of 3B parameters against one of 1.5B and train one of 8B
    on the difference. Another author's texts get a kind of their own by `teachers.By`: "rationale.weak".

    Args:
        chosen: The kind of the better author's texts.
        rejected: The kind of the worse author's texts.
        trusted_only: Leave out chosen texts that were graded wrong; rejected ones may be right or wrong.
        pairs_per_prompt: At most this many pairs of one prompt.
    """

    def __init__(
        self,
        chosen: str = "rationale",
        rejected: str = "rationale.weak",
        trusted_only: bool = True,
        pairs_per_prompt: int = 1,
    ) -> None:
        self.chosen = chosen
        self.rejected = rejected
        self.trusted_only = trusted_only
        self.pairs_per_prompt = pairs_per_prompt

    def pairs(self, lesson: Lesson) -> list[Pair]:
        """Return the lesson's pairs of two authors' texts."""
        check_count(self, self.pairs_per_prompt)
        sides: list[list[Candidate]] = []
        for kind, score in ((self.chosen, 1.0), (self.rejected, 0.0)):
            trusted_only = self.trusted_only and kind == self.chosen
            found = [a for a in lesson.written if a.kind == kind and (a.trusted if trusted_only else not a.problem)]
            sides.append([Candidate(solution(a), score, a.provenance.model) for a in found])
        return list(islice(across(*sides), self.pairs_per_prompt))
