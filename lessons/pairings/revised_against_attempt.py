"""Revisions against the attempts they mend."""

from __future__ import annotations

from lessons.pairings.base import Candidate, Pair, Pairing, check_count
from lessons.pairings.scores import solution
from lessons.records import Annotation, Lesson

__all__ = ["RevisedAgainstAttempt"]


class RevisedAgainstAttempt(Pairing):
    """Sets a teacher's revision against the attempt that it revises, as far as it is known to be better.

    Known to be better is a trusted revision of an attempt that was graded wrong, or whose score rose; without any grade
    every revision counts as better, unless `known_better` asks for more. The idea is that of CITING (Feng et al. 2023,
    arXiv:2310.02527) and SPaR (Cheng et al. 2024, arXiv:2412.11605); our reading.

    Args:
        of: The kind of the revisions; their `subject` is the attempt.
        known_better: Leave out revisions whose gain nobody measured.
        pairs_per_prompt: At most this many pairs of one prompt.
    """

    def __init__(self, of: str = "revision", known_better: bool = True, pairs_per_prompt: int = 1) -> None:
        self.of = of
        self.known_better = known_better
        self.pairs_per_prompt = pairs_per_prompt

    def pairs(self, lesson: Lesson) -> list[Pair]:
        """Return the lesson's pairs of a revision and its attempt."""
        check_count(self, self.pairs_per_prompt)
        found = (self.pair(revision) for revision in lesson.written if revision.kind == self.of and revision.trusted)
        return [pair for pair in found if pair is not None][: self.pairs_per_prompt]

    def pair(self, revision: Annotation) -> Pair | None:
        """Return a revision with its attempt; None where it is no better."""
        text, gain = solution(revision), revision.data.get("gain")
        if not revision.subject or revision.subject.strip() == text.strip():
            return None
        if gain is None and self.known_better:
            return None
        if gain is not None and gain <= 0:
            return None
        score = 1.0 if revision.grade is None else revision.grade.score
        before = score - (1.0 if gain is None else gain)
        return Pair(Candidate(text, score, revision.provenance.model), Candidate(revision.subject, before))
