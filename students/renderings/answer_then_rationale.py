"""The answer first, then why: the exam needs no more tokens than for bare answers."""

from __future__ import annotations

from lessons.records import Lesson
from students.renderings.answers import AnswerSource, answer_of, check_separator, needed, weighed
from students.renderings.base import Exercise, Rendering

__all__ = ["AnswerThenRationale"]


class AnswerThenRationale(Rendering):
    """Teach to answer first and explain afterwards: the rationale shapes what is learnt and costs nothing at the exam.

    The student writes the answer, the separator, and the rationale. The exam stops reading at the separator, so graders
    see the answer alone.

    Args:
        separator: What stands between answer and rationale.
        answer_from: Whose answer is taught where both exist; the teacher's follows from its rationale.
        of: The kind of annotation that explains: "rationale", "steps", "explanation" ...
        answer_weight: Loss weight of a token of the answer, beside 1 for the explanation's.
    """

    def __init__(
        self,
        separator: str = "\n\nBecause: ",
        answer_from: AnswerSource = "teacher",
        of: str = "rationale",
        answer_weight: float = 1.0,
    ) -> None:
        self.separator = separator
        self.answer_from = answer_from
        self.of = of
        self.answer_weight = answer_weight

    @property
    def stop_text(self) -> str:
        """The separator, without the spaces that a tokenizer may join to the next word.

        Raises:
            ConfigError: It is empty.
        """
        return check_separator(self, self.separator, "answer", "rationale").rstrip(" ")

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with answer and rationale."""
        answer = answer_of(lesson, self.answer_from, self.of).strip() + self.stop_text
        after = self.separator.removeprefix(self.stop_text) + needed(lesson, self.of, self).text.strip()
        return [weighed(Exercise(lesson.prompt.messages, answer + after), answer, "answer_weight", self.answer_weight)]
