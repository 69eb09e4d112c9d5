"""Answering, then looking at one's own answer again: conversations of several turns, of which some are learnt."""

from __future__ import annotations

from typing import Literal, get_args

from lessons.answers import final_answer
from lessons.errors import ConfigError, RenderingError
from lessons.records import Annotation, Lesson, Message
from students.renderings.answers import needed, whole_text
from students.renderings.base import Exercise, Rendering

__all__ = ["LearntTurns", "SelfCorrection"]

LearntTurns = Literal["last", "right", "all"]


class SelfCorrection(Rendering):
    """Teach to correct one's own answer when asked to look again, and to keep it when it was right.

    The conversation is question, attempt, request, revision: from revisions as `teachers.RevisionAnnotator` writes
    them, with `verdict: any` also of attempts that were right. Which turns are learnt:

    - "last": the revision, as in RISE (Qu et al. 2024, arXiv:2407.18219, whose rewards weigh the lessons: that is the
      plan's weight here) and in the critique-free correction of CCT (2024, arXiv:2412.19513).
    - "right": also the first answer where it was right already (our choice).
    - "all": both turns.

    Each learnt turn is a sequence of its own that ends where the student would stop, so that what is read before it is,
    to the token, what it reads at inference. The exam asks the plain question, for the first answer.

    Args:
        request: What the user says between the two turns.
        turns: Which turns are learnt.
        of: The kind of annotation that is the second turn; its `subject` is the first.
        correction_weight: Share of the revision in the loss, above 0 and at most 1, where first answers are learnt too.
    """

    def __init__(
        self,
        request: str = "Look at your answer again. Correct it if it is wrong, and keep it if it is right.",
        turns: LearntTurns = "last",
        of: str = "revision",
        correction_weight: float = 0.5,
    ) -> None:
        self.request = request
        self.turns = turns
        self.of = of
        self.correction_weight = correction_weight

    @property
    def parts(self) -> dict[str, float]:
        """The turns with their shares.

        Raises:
            ConfigError: A setting is out of range.
        """
        if not 0 < self.correction_weight <= 1 or self.turns not in get_args(LearntTurns):
            raise ConfigError(
                f"SelfCorrection got turns={self.turns!r} and correction_weight={self.correction_weight}; allowed are "
                f"{', '.join(map(repr, get_args(LearntTurns)))} and a share above 0 and at most 1. Correct them."
            )
        if self.turns == "last":
            return {"revision": 1.0}
        return {"revision": self.correction_weight, "answer": 1 - self.correction_weight}

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the turns that are learnt."""
        revision = needed(lesson, self.of, self)
        if not revision.subject or not revision.subject.strip():
            raise RenderingError(
                f"The {self.of} of lesson {lesson.id!r} does not say which answer it revises. Needed is the attempt's "
                "text in `subject`. Have the teacher write the revisions again with the attempts given."
            )
        asked, attempt = lesson.prompt.messages, revision.subject.strip()
        again = (*asked, Message("assistant", attempt), Message("user", self.request))
        last = Exercise(again, whole_text(revision), "revision")
        learnt = self.turns == "all" or (self.turns == "right" and was_right(revision, lesson))
        return [last, Exercise(asked, attempt, "answer")] if learnt else [last]


def was_right(revision: Annotation, lesson: Lesson) -> bool:
    """Say whether the attempt was right: by its grade, or where it has none, because it gives the reference."""
    graded = revision.data.get("attempt_correct")
    if isinstance(graded, bool):
        return graded
    return lesson.prompt.reference is not None and final_answer(revision.subject or "") == lesson.prompt.reference
