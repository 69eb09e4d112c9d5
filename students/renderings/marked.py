"""Questions that say what kind they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np

from lessons.errors import ConfigError
from lessons.records import Lesson, Message, Prompt
from students.renderings.base import Exercise, Rendering

__all__ = ["Marked"]


class Marked(Rendering):
    """Puts markers such as "[topic: algebra]" before the question, each left out with some chance.

    A student that has learnt the markers can be asked for a rare kind by naming it, and answers without them too
    (treasure-hunt markers, 2025, arXiv:2506.14702 unchecked; the form is ours). A lesson keeps its markers through the
    whole run: which are left out depends on its id and the seed.

    Args:
        rendering: How the lesson is asked and answered besides.
        markers: What is marked: "topic", "difficulty" or "metadata.<key>". Lessons without a value have no marker.
        dropout: Chance that a marker is left out of a lesson, in [0, 1].
        at_exam: Whether the exam's questions carry their markers.
        seed: Decides which are left out.
    """

    def __init__(
        self,
        rendering: Rendering,
        markers: Sequence[str],
        dropout: float = 0.5,
        at_exam: bool = False,
        seed: int = 0,
    ) -> None:
        self.rendering = rendering
        self.markers = markers
        self.dropout = dropout
        self.at_exam = at_exam
        self.seed = seed

    @property
    def parts(self) -> dict[str, float]:
        """The parts of the loss, those of the rendering inside."""
        return self.rendering.parts

    def left_out(self, lesson: Lesson) -> str | None:
        """Return why the lesson teaches nothing, in the rendering inside."""
        return self.rendering.left_out(lesson)

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the exercises with the markers that are not left out."""
        if not 0 <= self.dropout <= 1:
            raise ConfigError(f"Marked got dropout={self.dropout}; allowed are numbers from 0 to 1. Correct `dropout`.")
        found = self.found(lesson.prompt)
        generator = np.random.default_rng([self.seed, crc32(lesson.id.encode())])
        kept = [text for text, drawn in zip(found, generator.random(len(found)), strict=True) if drawn >= self.dropout]
        return [replace(e, messages=marked(e.messages, kept)) for e in self.rendering.exercises(lesson)]

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question, with all its markers if wanted."""
        messages = self.rendering.exam_messages(prompt)
        return marked(messages, self.found(prompt)) if self.at_exam else messages

    def found(self, prompt: Prompt) -> list[str]:
        """Return the markers of a question, in the order of `markers`.

        Raises:
            ConfigError: A marker is none of those there are.
        """
        texts = []
        for name in self.markers:
            kind, _, key = name.partition(".")
            if name not in ("topic", "difficulty") and not (kind == "metadata" and key):
                raise ConfigError(
                    f"Marked got the marker {name!r}; allowed are 'topic', 'difficulty' and 'metadata.<key>'. Correct "
                    "`markers`."
                )
            value = prompt.metadata.get(key) if key else getattr(prompt, name)
            if value is not None:
                texts.append(f"[{key or name}: {f'{value:g}' if isinstance(value, float) else value}]")
        return texts


def marked(messages: tuple[Message, ...], markers: Sequence[str]) -> tuple[Message, ...]:
    """Put markers before the last message.

    >>> marked((Message("user", "2+2?"),), ["[topic: sums]"])[0].content
    '[topic: sums] 2+2?'
    """
    last = messages[-1]
    return (*messages[:-1], replace(last, content=" ".join([*markers, last.content])))
