"""Chain of thought as training text: the question, the teacher's reasoning, then the answer on a line of its own."""

from __future__ import annotations

from lessons.records import Lesson
from students.renderings.answers import AnswerSource, answer_of, needed
from students.renderings.base import Exercise, Rendering

__all__ = ["RationaleThenAnswer"]


class RationaleThenAnswer(Rendering):
    """Teach to reason first and answer last, as in Fine-tune-CoT (Ho, Schmid, Yun 2023, arXiv:2212.10071).

    The student writes "{rationale}\\nAnswer: {answer}", the form graders read.

    Args:
        answer_from: Whose answer is taught where both exist; the teacher's follows from its rationale.
    """

    def __init__(self, answer_from: AnswerSource = "teacher") -> None:
        self.answer_from = answer_from

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with rationale and answer."""
        rationale = needed(lesson, "rationale", self).text.strip()
        return [Exercise(lesson.prompt.messages, f"{rationale}\nAnswer: {answer_of(lesson, self.answer_from)}")]
