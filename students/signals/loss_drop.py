"""How much a lesson's loss falls by training: what can be learnt from it."""

from __future__ import annotations

from typing import Any, Literal

from curricula.arrays import Scores
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from students.renderings import Rendering
from students.scoring import Scoring
from students.signals.base import StudentSignal
from students.signals.loss import Loss
from students.student import Student

__all__ = ["LossDrop"]


class LossDrop(StudentSignal):
    """After LoBaSS (Zhou et al. 2023, arXiv:2310.13008): the learnability (L_before - L_after) / norm of a lesson.

    L is the mean loss per token under the student before and after it was trained as a reference. The paper's
    normaliser could not be checked: "none" and the two losses are offered, and the default is our reading.

    Args:
        student: The student before.
        after: The trained reference, such as students.Pretrained of an earlier round's student folder.
        rendering: What a lesson asks and teaches.
        norm: What the drop is divided by: "none", "before" or "after".
        column: Name of the column.
        scoring: Sizes of the batches.
    """

    def __init__(
        self,
        student: Student,
        after: Student,
        rendering: Rendering,
        norm: Literal["none", "before", "after"] = "before",
        column: str = "loss_drop",
        scoring: Scoring | None = None,
    ) -> None:
        super().__init__(student, rendering, column, scoring)
        self.after = after
        self.norm = norm

    def values(self, lessons: LessonSet) -> Scores:
        """Return the drop of every lesson."""
        if self.norm not in ("none", "before", "after"):
            raise ConfigError(f"LossDrop got norm {self.norm!r}; allowed are 'none', 'before' and 'after'. Correct it.")
        before = Loss(self.student, self.rendering, scoring=self.scoring).values(lessons)
        after = Loss(self.after, self.rendering, scoring=self.scoring).values(lessons)
        drop = before - after
        if self.norm == "none":
            return drop
        return drop / (before if self.norm == "before" else after)

    def authors(self) -> dict[str, Any]:
        """Say which models scored."""
        after = {"student": self.after.weights.name, "fingerprint": self.after.fingerprint}
        return {**super().authors(), "after": after}
