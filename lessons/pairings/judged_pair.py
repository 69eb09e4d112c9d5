"""Pairs that a judge has compared."""

from __future__ import annotations

from lessons.pairings.base import Candidate, Pair, Pairing
from lessons.records import Annotation, Lesson

__all__ = ["JudgedPair"]


class JudgedPair(Pairing):
    """Sets the text that a judge preferred against the other; a tie gives no pair.

    The annotations are those of `teachers.PairJudgeAnnotator`, which asks in both orders: only a verdict that both give
    counts.

    Args:
        of: The kind of the verdicts, "preference" or "preference.<role>".
    """

    def __init__(self, of: str = "preference") -> None:
        self.of = of

    def pairs(self, lesson: Lesson) -> list[Pair]:
        """Return one pair for every verdict that is no tie."""
        verdicts = [found for found in lesson.written if found.kind == self.of and found.trusted]
        return [self.pair(found) for found in verdicts if found.answer in ("first", "second")]

    @staticmethod
    def pair(verdict: Annotation) -> Pair:
        """Return the two texts of a verdict, the preferred one first."""
        origins = verdict.data.get("subjects", [{}, {}])
        texts = [(str(t), str(o.get("author", ""))) for t, o in zip(verdict.data["texts"], origins, strict=True)]
        better, worse = texts if verdict.answer == "first" else texts[::-1]
        return Pair(Candidate(better[0], 1.0, better[1]), Candidate(worse[0], 0.0, worse[1]))
