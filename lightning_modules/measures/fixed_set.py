"""What the student forgets: its loss on a set of lessons that is never trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from lessons.lesson_set import LessonSet
from lightning_modules.data.data_module import CurriculumDataModule
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.measures.base import Figures, Measure
from lightning_modules.measures.rendered_means import rendered_means
from lightning_modules.supervised import SupervisedModule
from students.renderings import Rendering, render_all

__all__ = ["FixedSetLoss"]


class FixedSetLoss(Measure):
    """Mean loss on lessons from other files, and by how much it has risen above its lowest value so far.

    Metrics: "<name>_loss" and "<name>_rise", the latter 0 at the first measurement. With an earlier round's lessons the
    rise is what the student has forgotten of them.

    Args:
        prompts: Path of a prompts.parquet.
        rendering: How those lessons are rendered.
        annotations: Path of the lessons.parquet that goes with it; None for bare prompts.
        target: The kind of annotation that makes a lesson; None for one lesson a prompt.
        name: Start of the metrics' names.
        tokens_per_batch: Tokens of one batch, padding included.
    """

    def __init__(
        self,
        prompts: str,
        rendering: Rendering,
        annotations: str | None = None,
        target: str | None = None,
        name: str = "fixed",
        tokens_per_batch: int = 8192,
    ) -> None:
        self.prompts = prompts
        self.rendering = rendering
        self.annotations = annotations
        self.target = target
        self.name = name
        self.tokens_per_batch = tokens_per_batch
        self.lowest: float | None = None

    def prepare(self, data: CurriculumDataModule) -> None:
        """Read and render the set."""
        lessons = LessonSet.read(self.prompts, self.annotations, self.target)
        rendered = render_all(self.rendering, lessons, data.find_encoder(), data.max_tokens)
        self.rendered = RenderedLessons.of(rendered.examples, tuple(self.rendering.parts))

    def measure(self, module: SupervisedModule) -> Figures:
        """Score the set."""
        numbers = np.arange(len(self.rendered))
        loss = float(rendered_means(module, self.rendered, numbers, self.tokens_per_batch).mean())
        self.lowest = loss if self.lowest is None else min(loss, self.lowest)
        return Figures({f"{self.name}_loss": loss, f"{self.name}_rise": loss - self.lowest})

    def state_dict(self) -> dict[str, Any]:
        """Return the lowest loss so far."""
        return {"lowest": self.lowest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from it."""
        self.lowest = state["lowest"]
