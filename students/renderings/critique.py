"""Critique fine-tuning: the student learns to judge an answer instead of imitating one."""

from __future__ import annotations

from lessons.errors import RenderingError
from lessons.records import Lesson
from students.renderings.answers import needed
from students.renderings.base import Exercise, Rendering
from students.renderings.wrapping import asked

__all__ = ["Critique"]


class Critique(Rendering):
    """Teach to critique a given answer, as in Critique Fine-Tuning (Wang, Yue, Chen 2025, arXiv:2501.17703).

    The student reads the question with an answer somebody gave, and writes the teacher's critique, closed by the line
    "Verdict: correct" or "Verdict: incorrect". At the exam it is asked the plain question, as in the paper.

    Args:
        template: Text of the user's message; "{question}" and "{attempt}" are filled in.
        of: The kind of annotation that is learnt: "critique", "critique.<role>", "merged_critique", or
            "feedback_prediction".
    """

    def __init__(
        self,
        template: str = "{question}\n\nProposed answer:\n{attempt}\n\nCritique this answer; say whether it is correct.",
        of: str = "critique",
    ) -> None:
        self.template = template
        self.of = of

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the critique task of a lesson."""
        critique = needed(lesson, self.of, self)
        if not critique.subject:
            raise RenderingError(
                f"The {self.of} of lesson {lesson.id!r} does not say which answer it judges. Needed is the "
                "attempt's text in `subject`. Have the teacher write the critiques again with the attempts given."
            )
        text = critique.text.strip()
        if critique.answer and not text.lower().rsplit("\n", 1)[-1].startswith("verdict:"):
            text = f"{text}\nVerdict: {critique.answer}"
        return [Exercise(asked(lesson.prompt.messages, self.template, attempt=critique.subject), text)]
