"""A solution with what there is to learn from it beyond its answer."""

from __future__ import annotations

from dataclasses import replace

from lessons.records import Lesson
from students.renderings.answers import check_separator, needed
from students.renderings.base import Exercise, Rendering
from students.renderings.rationale_then_answer import RationaleThenAnswer
from students.renderings.wrapping import Wrapping

__all__ = ["Reflection"]


class Reflection(Wrapping):
    """Teach to go on after the answer with a reflection: another way to the answer and a follow-up question.

    After RefAug (Zhang et al. 2024, arXiv:2406.12050, unchecked): one sequence of solution and reflection, all of it
    learnt. The stop rule is ours: the exam stops reading at the separator, so that it costs no more than without
    reflections. The reflection has to be about the solution that is taught: have `ReflectionAnnotator` and the
    rendering inside read the same kind.

    Args:
        rendering: How question and solution are taught; None for `RationaleThenAnswer`.
        of: The kind of annotation that is the reflection.
        separator: What stands between solution and reflection.
        optional: Show lessons that have no reflection without one, in place of refusing them.
    """

    def __init__(
        self,
        rendering: Rendering | None = None,
        of: str = "reflection",
        separator: str = "\n\nReflection:\n",
        optional: bool = False,
    ) -> None:
        super().__init__(rendering or RationaleThenAnswer())
        self.of = of
        self.separator = separator
        self.optional = optional

    @property
    def stop_text(self) -> str:
        """The separator.

        Raises:
            ConfigError: It is empty.
        """
        return check_separator(self, self.separator, "solution", "reflection").rstrip()

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the solution with its reflection."""
        found = self.rendering.exercises(lesson)
        if self.optional and lesson.annotation(self.of) is None:
            return found
        thoughts = needed(lesson, self.of, self).text.strip()
        after = self.separator[len(self.stop_text) :]
        return [replace(e, answer=f"{e.answer.rstrip()}{self.stop_text}{after}{thoughts}") for e in found]
