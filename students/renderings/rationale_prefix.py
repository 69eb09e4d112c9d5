"""Chain of thought whose beginning is given: the student reads it and learns to go on."""

from __future__ import annotations

import re

from lessons.errors import ConfigError
from lessons.records import Lesson
from students.renderings.answers import AnswerSource, answer_of, needed
from students.renderings.base import Exercise, Rendering

__all__ = ["RationalePrefix", "beginning"]


class RationalePrefix(Rendering):
    """Teach to finish a reasoning: the first part of the rationale is read, only the rest is learnt.

    The sequence is that of `RationaleThenAnswer`, token by token; what is given merely has no weight in the loss. So
    the student starts from a state inside the demonstration, as the roll-outs of R3 do (Xi et al. 2024,
    arXiv:2402.05808; there by reinforcement, here by fine-tuning: our reading). Inside `Views`, the share may fall
    during the run.

    Args:
        share: Share of the rationale's words that is given, in [0, 1]; with 1 only the answer is learnt.
        answer_from: Whose answer is taught where both exist; the teacher's follows from its rationale.
    """

    def __init__(self, share: float = 0.5, answer_from: AnswerSource = "teacher") -> None:
        self.share = share
        self.answer_from = answer_from

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with rationale and answer, the rationale's beginning given."""
        if not 0 <= self.share <= 1:
            raise ConfigError(
                f"RationalePrefix got share={self.share}; allowed are numbers from 0 to 1. Correct `share`."
            )
        rationale = needed(lesson, "rationale", self).text.strip()
        whole = f"{rationale}\nAnswer: {answer_of(lesson, self.answer_from)}"
        return [Exercise(lesson.prompt.messages, whole, given=beginning(rationale, self.share))]


def beginning(text: str, share: float) -> str:
    """Return the first words of a text, so many that they are the nearest to a share of all.

    >>> beginning("Two and two are four.", 0.4)
    'Two and'
    """
    ends = [word.end() for word in re.finditer(r"\S+", text)]
    words = round(share * len(ends))
    return text[: ends[words - 1]] if words else ""
