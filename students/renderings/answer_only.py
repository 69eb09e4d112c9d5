"""The plainest rendering: the question, then the bare answer."""

from __future__ import annotations

from lessons.records import Lesson
from students.renderings.answers import AnswerSource, answer_of
from students.renderings.base import Exercise, Rendering

__all__ = ["AnswerOnly"]


class AnswerOnly(Rendering):
    """Teach the final answer alone: ordinary supervised fine-tuning, the baseline of every rationale method.

    Args:
        answer_from: Whose answer is taught where both exist: the data's reference or the teacher's.
    """

    def __init__(self, answer_from: AnswerSource = "reference") -> None:
        self.answer_from = answer_from

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with its answer."""
        return [Exercise(lesson.prompt.messages, answer_of(lesson, self.answer_from))]
