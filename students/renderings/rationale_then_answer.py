"""Chain of thought as training text: the question, the teacher's reasoning, then the answer on a line of its own."""

from __future__ import annotations

from lessons.answers import split_answer
from lessons.records import Lesson
from students.renderings.answers import AnswerSource, answer_of, needed, weighed
from students.renderings.base import Exercise, Rendering

__all__ = ["RationaleThenAnswer"]


class RationaleThenAnswer(Rendering):
    """Teach to reason first and answer last, as in Fine-tune-CoT (Ho, Schmid, Yun 2023, arXiv:2212.10071).

    The student writes "{rationale}\\nAnswer: {answer}", the form graders read.

    Args:
        answer_from: Whose answer is taught where both exist; the teacher's follows from its rationale.
        of: The kind of annotation that is the reasoning: "rationale", "steps", "explanation", "strategy" ...
        rationale_weight: Loss weight of a token of the reasoning, beside 1 for the answer's line; 0: it is only read.
    """

    def __init__(
        self, answer_from: AnswerSource = "teacher", of: str = "rationale", rationale_weight: float = 1.0
    ) -> None:
        self.answer_from = answer_from
        self.of = of
        self.rationale_weight = rationale_weight

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with rationale and answer."""
        rationale = needed(lesson, self.of, self).text.strip()
        answer = answer_of(lesson, self.answer_from, self.of)
        before, said = split_answer(rationale)
        if said == answer:  # a dialogue ends with its answer: not to be said twice
            rationale = before
        whole = Exercise(lesson.prompt.messages, f"{rationale}\nAnswer: {answer}")
        return [weighed(whole, rationale, "rationale_weight", self.rationale_weight)]
