"""One lesson shown in several ways, of which the plan chooses one for every update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lessons.errors import ConfigError
from lessons.records import Lesson, Message, Prompt
from students.encoder import Encoder
from students.renderings.base import Example, Exercise, Rendering

__all__ = ["Views"]


class Views(Rendering):
    """Shows a lesson by one of several renderings; `curricula.Dial` or `curricula.ViewBy` in the plan says by which.

    With RationalePrefix(0.75), RationalePrefix(0.5), RationalePrefix(0.25) and RationaleThenAnswer it is a reverse
    curriculum for fine-tuning, after R3 (Xi et al. 2024, arXiv:2402.05808): the student first finishes a reasoning
    that is nearly complete, and in the end writes all of it. With Hinted and the bare question it fades hints out.

    Every lesson is rendered once for each view before training, so that the totals of every update are known ahead:
    memory grows with the number of views. A lesson that is too long in one view is left out of all.

    Args:
        renderings: The views, from the first to the last; all have the same parts of the loss. The exam asks in the
            form of the last.
    """

    def __init__(self, renderings: Sequence[Rendering]) -> None:
        self.renderings = renderings

    @property
    def view_count(self) -> int:
        """How many views there are."""
        return len(self.renderings)

    def in_view(self, view: int) -> Rendering:
        """Return the rendering of this view."""
        return self.renderings[view]

    @property
    def parts(self) -> dict[str, float]:
        """The parts of the loss, the same in every view.

        Raises:
            ConfigError: They differ, or there are no views, or views inside of views.
        """
        found = [rendering.parts for rendering in self.renderings]
        if not found or any(parts != found[0] for parts in found) or any(r.view_count > 1 for r in self.renderings):
            raise ConfigError(
                f"Views got {', '.join(f'{type(r).__name__} {r.parts}' for r in self.renderings) or 'no rendering'}; "
                "needed is at least one, none with views of its own, and all with the same parts of the loss, since "
                "each part is averaged over the whole update. Correct `renderings`."
            )
        return found[0]

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return what the lesson teaches in the last view."""
        return self.renderings[-1].exercises(lesson)

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question as in the last view."""
        return self.renderings[-1].exam_messages(prompt)

    def render_batch(self, lessons: Sequence[Lesson], encoder: Encoder) -> Iterator[list[Example]]:
        """Yield the training sequences of each lesson in all views, one view after the other."""
        shown = [rendering.render_batch(lessons, encoder) for rendering in self.renderings]
        for views in zip(*shown, strict=True):
            yield [replace(example, view=number) for number, found in enumerate(views) for example in found]
