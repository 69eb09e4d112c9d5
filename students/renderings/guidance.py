"""Plans: one student writes how to solve a task, another solves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lessons.errors import ConfigError
from lessons.records import Lesson, Message, Prompt
from students.renderings.answers import needed
from students.renderings.base import Exercise, Rendering
from students.renderings.hinted import Hinted
from students.renderings.wrapping import asked

if TYPE_CHECKING:
    from students.decoding import Generation
    from students.student import Student

__all__ = ["FollowGuidance", "WriteGuidance"]

ASK = "{question}\n\nDo not solve this. Write down how to understand it and which steps lead to the answer."
SHOW = "{question}\n\nFollow this guidance:\n{hint}"


class WriteGuidance(Rendering):
    """Teach to write guidance: what a task means and a plan, with nothing computed. The first of two students.

    After Solution Guidance Fine-Tuning (Bi et al. 2024, arXiv:2412.09906, unchecked; the wording is ours): a small
    model learns to guide, and any model solves what it was guided through (`FollowGuidance`). The exam asks for
    guidance.

    Args:
        template: Text of the user's message; "{question}" is filled in.
        of: The kind of annotation that is learnt.
    """

    def __init__(self, template: str = ASK, of: str = "guidance") -> None:
        self.template = template
        self.of = of

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the request for guidance with the teacher's."""
        return [Exercise(self.exam_messages(lesson.prompt), needed(lesson, self.of, self).text)]

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question as a request for guidance."""
        return asked(prompt.messages, self.template)


class FollowGuidance(Hinted):
    """Shows the guidance under the question: the teacher's in training, a guiding student's at the exam.

    The second of two students; it need not be trained for it. With a `guide` the exam has it write guidance for all
    questions first, and asks with it.

    Args:
        rendering: What is taught.
        guide: The student that writes guidance at the exam, trained with `WriteGuidance`; None asks without guidance.
        asking: How the guide was taught to be asked; None for `WriteGuidance` as it is.
        generation: How the guide writes; None for greedy texts of up to 256 tokens.
        of: The kind of annotation that is the guidance.
        template: Text of the user's message; "{question}" and "{hint}" (the guidance) are filled in.
    """

    def __init__(
        self,
        rendering: Rendering,
        guide: Student | None = None,
        asking: WriteGuidance | None = None,
        generation: Generation | None = None,
        of: str = "guidance",
        template: str = SHOW,
    ) -> None:
        super().__init__(rendering, of, template)
        self.guide = guide
        self.asking = asking
        self.generation = generation
        self.written: dict[str, str] = {}

    def prepare_exam(self, prompts: Sequence[Prompt]) -> None:
        """Have the guide write guidance for all questions at once."""
        if self.guide is None:
            return
        from students.generation import answer

        asking = self.asking or WriteGuidance()
        found = answer(self.guide, [asking.exam_messages(prompt) for prompt in prompts], self.generation)
        self.written |= {prompt.id: made.text.strip() for prompt, made in zip(prompts, found, strict=True)}

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question with the guide's guidance.

        Raises:
            ConfigError: The guide was not asked about it.
        """
        messages = super().exam_messages(prompt)
        if self.guide is None:
            return messages
        if prompt.id not in self.written:
            raise ConfigError(
                f"The guide has written nothing for the question {prompt.id!r}. Questions are put to it before the "
                "exam (FollowGuidance.prepare_exam), all at once. Call that with this question first."
            )
        return self.asked(messages, self.written[prompt.id])
