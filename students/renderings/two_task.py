"""Distilling Step-by-Step: one student, two tasks told apart by a prefix."""

from __future__ import annotations

from dataclasses import replace

from lessons.errors import ConfigError
from lessons.records import Lesson, Message, Prompt
from students.renderings.answers import AnswerSource, answer_of, needed
from students.renderings.base import Exercise, Rendering

__all__ = ["TwoTask"]


class TwoTask(Rendering):
    """Teach the answer and the rationale as two tasks: Distilling Step-by-Step (Hsieh et al. 2023, arXiv:2305.02301).

    The paper minimises L = L_label + lambda * L_rationale. Here the weights sum to one:
    L = (1 - rationale_weight) * L_label + rationale_weight * L_rationale, the same objective up to its scale with
    lambda = rationale_weight / (1 - rationale_weight); the default 0.5 is the paper's lambda = 1. Each task's loss is
    averaged over its own tokens in the whole optimiser step. At the exam only the answer is asked: inference costs
    no more.

    Args:
        rationale_weight: Share of the rationale task in the loss, at least 0 and below 1; 0 leaves the task out.
        predict_prefix: Text put before the question to ask for the answer.
        explain_prefix: Text put before the question to ask for the rationale.
        answer_from: Whose answer is taught where both exist.
    """

    def __init__(
        self,
        rationale_weight: float = 0.5,
        predict_prefix: str = "[predict] ",
        explain_prefix: str = "[explain] ",
        answer_from: AnswerSource = "reference",
    ) -> None:
        if not 0 <= rationale_weight < 1:
            raise ConfigError(
                f"rationale_weight is {rationale_weight}: allowed is at least 0 and below 1, so that the answer task "
                "keeps a share. For the paper's lambda give lambda / (1 + lambda)."
            )
        self.rationale_weight = rationale_weight
        self.predict_prefix = predict_prefix
        self.explain_prefix = explain_prefix
        self.answer_from = answer_from

    @property
    def parts(self) -> dict[str, float]:
        """The two tasks with their shares."""
        if not self.rationale_weight:
            return {"label": 1.0}
        return {"label": 1 - self.rationale_weight, "rationale": self.rationale_weight}

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the two tasks of a lesson."""
        label = Exercise(self.exam_messages(lesson.prompt), answer_of(lesson, self.answer_from), "label")
        if not self.rationale_weight:
            return [label]
        asked = with_prefix(lesson.prompt.messages, self.explain_prefix)
        return [label, Exercise(asked, needed(lesson, "rationale", self).text, "rationale")]

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question asked as in the answer task."""
        return with_prefix(prompt.messages, self.predict_prefix)


def with_prefix(messages: tuple[Message, ...], prefix: str) -> tuple[Message, ...]:
    """Put a prefix before the last message.

    >>> with_prefix((Message("user", "2+2?"),), "[predict] ")[0].content
    '[predict] 2+2?'
    """
    return (*messages[:-1], replace(messages[-1], content=prefix + messages[-1].content))
