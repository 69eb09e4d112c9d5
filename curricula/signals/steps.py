"""How many steps a solution takes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curricula.signals.base import Column, Signal
from curricula.signals.texts import lesson_texts
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["Steps"]

PATTERNS = {"lines": r"[^\n]*\S[^\n]*", "sentences": r"[^.!?\n]*\w[^.!?\n]*", "equations": r"[^=<>!]=[^=]"}


class Steps(Signal):
    """How many steps a text takes. The column is called for example "rationale_lines".

    Args:
        of: "question", "reference", or a kind of annotation such as "rationale".
        unit: What counts as a step: "lines" that are not empty, "sentences" (up to a full stop, a mark or the line's
            end), or "equations" (single equals signs).
    """

    def __init__(self, of: str = "rationale", unit: Literal["lines", "sentences", "equations"] = "lines") -> None:
        self.of = of
        self.unit = unit

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.of}_{self.unit}"

    def compute(self, lessons: LessonSet) -> Column:
        """Count; a lesson without that text misses the value."""
        if self.unit not in PATTERNS:
            raise ConfigError(
                f"Steps cannot count {self.unit!r}; allowed are {', '.join(map(repr, PATTERNS))}. Correct its `unit`."
            )
        counts = pc.count_substring_regex(lesson_texts(lessons, self.of), PATTERNS[self.unit])
        values = np.asarray(counts.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        return Column(values, self.unit, {"source": f"the {self.unit} of the {self.of}"})
