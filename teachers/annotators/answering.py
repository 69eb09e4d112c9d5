"""Annotators whose replies end in an answer: the run's grader marks it as it is read."""

from __future__ import annotations

from lessons.records import Annotation, Grade
from teachers.annotators.asking import Asking
from teachers.annotators.base import Annotator
from teachers.annotators.marking import grader_of

__all__ = ["AnsweringAnnotator"]


class AnsweringAnnotator(Annotator):
    """An annotator with answers to mark, unless its `verify` is off or the run has no grader."""

    verify: bool = True

    def mark(self, asking: Asking, answer: str | None) -> Grade | None:
        """Return the mark of an answer."""
        if answer is None:
            return None
        grader = grader_of(asking, self.verify)
        return None if grader is None else grader.grade(answer, asking.prompt)

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask once; a prompt that cannot be graded is refused before anything is paid for."""
        grader_of(asking, self.verify)
        return await super().annotate(asking)
