"""The question alone: for students that write the answer themselves while they train."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lessons.records import Lesson
from students.encoder import Encoder
from students.renderings.base import Example, Exercise, Rendering

__all__ = ["QuestionOnly"]


class QuestionOnly(Rendering):
    """Put the question and leave the answer to the student: for prompts that nobody has answered.

    Only modules that have the student answer at every update can use it: lightning_modules.OnPolicyDistillation with a
    `student_share` of 1, and lightning_modules.OnlineVerifiedModule. To all others its sequences would teach silence.
    """

    answered = False

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question, with nothing to answer it."""
        return [Exercise(lesson.prompt.messages, "")]

    def render_batch(self, lessons: Sequence[Lesson], encoder: Encoder) -> Iterator[list[Example]]:
        """Yield one sequence a lesson: the question, and the end-of-turn token in the place of an answer."""
        asked = encoder.prompts([lesson.prompt.messages for lesson in lessons])
        for lesson, ids in zip(lessons, asked, strict=True):
            yield [Example(lesson.id, [*ids, encoder.end_of_turn], [0.0] * len(ids) + [1.0], "answer")]
