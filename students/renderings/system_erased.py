"""Training without the instructions that the answers were written under."""

from __future__ import annotations

from dataclasses import replace

from lessons.records import Lesson, Message, Prompt
from students.renderings.base import Exercise, Rendering
from students.renderings.wrapping import Wrapping

__all__ = ["SystemErased"]


class SystemErased(Wrapping):
    """Puts one general system message in the place of each lesson's own, or none: prompt erasure.

    After Orca 2 (Mitra et al. 2023, arXiv:2311.11045): the teacher answers under the instructions that suit a task, and
    the student learns the answer without them, so it has to find the right strategy by itself. For data whose prompts
    carry such instructions as system messages; what `teachers.StrategyAnnotator` writes has none in the prompt and
    needs no erasing. The wording of the general message is yours (the paper's is not public code). The exam erases
    alike.

    Args:
        rendering: What is taught.
        system: The general system message; None for none.
    """

    def __init__(self, rendering: Rendering, system: str | None = None) -> None:
        super().__init__(rendering)
        self.system = system

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the rendering's exercises under the general message."""
        return [replace(e, messages=self.erased(e.messages)) for e in self.rendering.exercises(lesson)]

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question under the general message."""
        return self.erased(self.rendering.exam_messages(prompt))

    def erased(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Return a conversation with the general message in the place of its own."""
        general = () if self.system is None else (Message("system", self.system),)
        return (*general, *(message for message in messages if message.role != "system"))
