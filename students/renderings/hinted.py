"""A question with a hint beside it."""

from __future__ import annotations

from dataclasses import replace

from lessons.records import Lesson, Message
from students.renderings.answers import needed
from students.renderings.base import Exercise, Rendering
from students.renderings.wrapping import Wrapping, asked

__all__ = ["Hinted"]


class Hinted(Wrapping):
    """Teach as another rendering does, with the teacher's hint written under the question; the hint is never learnt.

    Inside `Views`, beside the same rendering without it, hints can be faded out during the run, or given only for
    lessons that the student never solved (after Guide, 2025, arXiv:2506.13923). The exam asks without a hint.

    Args:
        rendering: What is taught.
        of: The kind of annotation that is the hint.
        template: Text of the user's message; "{question}" and "{hint}" are filled in.
        optional: Show lessons that have no hint without one, in place of refusing them.
    """

    def __init__(
        self,
        rendering: Rendering,
        of: str = "hint",
        template: str = "{question}\n\nHint: {hint}",
        optional: bool = False,
    ) -> None:
        super().__init__(rendering)
        self.of = of
        self.template = template
        self.optional = optional

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the rendering's exercises with the hint in the last message."""
        found = self.rendering.exercises(lesson)
        if self.optional and lesson.annotation(self.of) is None:
            return found
        hint = needed(lesson, self.of, self).text.strip()
        return [replace(exercise, messages=self.asked(exercise.messages, hint)) for exercise in found]

    def asked(self, messages: tuple[Message, ...], hint: str) -> tuple[Message, ...]:
        """Return the conversation with the hint."""
        return asked(messages, self.template, hint=hint)
