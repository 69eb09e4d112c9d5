"""Several renderings of one lesson at once."""

from __future__ import annotations

from collections.abc import Sequence

from lessons.errors import ConfigError
from lessons.records import Lesson, Message, Prompt
from students.renderings.base import Exercise, Rendering

__all__ = ["Together"]


class Together(Rendering):
    """Teaches every lesson in each of several ways, in the same update: multi-view training, several tasks.

    After MinT (Liang et al. 2023, arXiv:2307.07951, unchecked), with a `Tagged` for each style of solution. Where the
    plan should choose one way for each update, use `Views`.

    Args:
        renderings: The ways. What they have in one part of the loss is averaged together. The exam asks in the form of
            the first.
    """

    def __init__(self, renderings: Sequence[Rendering]) -> None:
        self.renderings = renderings

    @property
    def parts(self) -> dict[str, float]:
        """The parts of the loss of all.

        Raises:
            ConfigError: Two give one part different weights, or there are none, or views among them.
        """
        whole: dict[str, float] = {}
        fit = bool(self.renderings) and all(rendering.view_count == 1 for rendering in self.renderings)
        for rendering in self.renderings:
            for part, weight in rendering.parts.items():
                fit = fit and whole.setdefault(part, weight) == weight
        if not fit:
            raise ConfigError(
                f"Together got {', '.join(f'{type(r).__name__} {r.parts}' for r in self.renderings) or 'nothing'}; "
                "needed is at least one, none with views, and the same weight wherever they share a part of the loss. "
                "Correct `renderings`."
            )
        return whole

    @property
    def stop_text(self) -> str | None:
        """Where the exam stops reading, as the first says."""
        return self.renderings[0].stop_text

    def left_out(self, lesson: Lesson) -> str | None:
        """Return why one of the renderings leaves a lesson out."""
        return next(filter(None, (rendering.left_out(lesson) for rendering in self.renderings)), None)

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return what the lesson teaches in each way."""
        return [exercise for rendering in self.renderings for exercise in rendering.exercises(lesson)]

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question as the first asks it."""
        return self.renderings[0].exam_messages(prompt)
