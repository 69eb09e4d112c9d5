"""Task types: what sort of task a prompt is, out of a fixed list."""

from __future__ import annotations

from typing import Any

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Message, Prompt
from teachers.annotators.asking import Fields
from teachers.annotators.base import Annotator
from teachers.annotators.labels import choice_label
from teachers.exchange import Completion

__all__ = ["TASK_TYPES", "TaskTypeAnnotator"]

TASK_TYPES = (
    "arithmetic",
    "mathematics",
    "logic puzzle",
    "factual question",
    "science question",
    "reading comprehension",
    "common sense",
    "classification",
    "extraction",
    "summary",
    "translation",
    "rewriting",
    "creative writing",
    "writing code",
    "explaining code",
    "planning",
    "advice",
    "conversation",
    "other",
)


class TaskTypeAnnotator(Annotator):
    """Asks which of the listed types a task is of. The annotation's `answer` is the type, as it stands in the list.

    Args:
        types: The types to choose from; None for our own list (`teachers.annotators.task_type.TASK_TYPES`).
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/task_type.txt.
    """

    kind = "task_type"

    def __init__(
        self,
        types: list[str] | None = None,
        temperature: float | None = 0.0,
        max_output_tokens: int = 256,
        seed: int | None = None,
        show_reference: bool = False,
        repairs: int = 1,
        template: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            template=template,
        )
        self.types = types

    @property
    def choices(self) -> tuple[str, ...]:
        """The types to choose from."""
        return TASK_TYPES if self.types is None else tuple(self.types)

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: There is nothing to choose from, or two types are the same.
        """
        super().check(grader)
        plain = [name.strip().casefold() for name in self.choices]
        if len(plain) < 2 or len(set(plain)) < len(plain) or not all(plain) or any("\n" in name for name in plain):
            raise ConfigError(
                f"types of TaskTypeAnnotator is {list(self.choices)}. It must be at least two different names, each "
                "one line. Correct the list, or leave it out to use the shipped one."
            )

    def build(self, prompt: Prompt, **more: Any) -> tuple[Message, ...]:
        """Return the messages, which list the types."""
        return super().build(prompt, types=self.choices, **more)

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Type: ..."."""
        text, found = choice_label(completion.text, "Type", self.choices)
        return Fields(text, found)
