"""Renderings around another rendering, and the templates they fill."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from lessons.records import Lesson, Message, Prompt
from students.renderings.base import Rendering

__all__ = ["Wrapping", "asked", "filled"]


class Wrapping(Rendering):
    """Changes how another rendering asks; what is not overridden stays as it is there.

    Args:
        rendering: What is taught.
    """

    def __init__(self, rendering: Rendering) -> None:
        self.rendering = rendering

    @property
    def parts(self) -> dict[str, float]:
        """The parts of the loss, those of the rendering inside."""
        return self.rendering.parts

    @property
    def stop_text(self) -> str | None:
        """Where the exam stops reading, as the rendering inside says."""
        return self.rendering.stop_text

    def left_out(self, lesson: Lesson) -> str | None:
        """Return why the rendering inside leaves a lesson out."""
        return self.rendering.left_out(lesson)

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question as the rendering inside asks it."""
        return self.rendering.exam_messages(prompt)


def filled(template: str, fields: Mapping[str, str]) -> str:
    """Return a template with its fields filled in, in one pass: a field that holds the text "{question}" keeps it.

    >>> filled("{question} ({hint})", {"question": "What is {hint}?", "hint": "a clue"})
    'What is {hint}? (a clue)'
    """
    names = "|".join(re.escape(f"{{{name}}}") for name in fields)
    return re.sub(names, lambda found: fields[found.group()[1:-1]], template)


def asked(messages: tuple[Message, ...], template: str, **fields: str) -> tuple[Message, ...]:
    """Return a conversation whose last message is a template, filled with its content as {question} and with fields."""
    text = filled(template, {"question": messages[-1].content, **fields})
    return (*messages[:-1], replace(messages[-1], content=text))
