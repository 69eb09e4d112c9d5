"""How hard a text is to read."""

from __future__ import annotations

from typing import Literal

import numpy as np

from curricula.libraries import needed_by
from curricula.signals.base import Column, Signal
from curricula.signals.texts import lesson_texts
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["Readability"]

MEASURES = {
    "grade": "flesch_kincaid_grade",
    "fog": "gunning_fog",
    "smog": "smog_index",
    "coleman_liau": "coleman_liau_index",
    "automated": "automated_readability_index",
    "dale_chall": "dale_chall_readability_score",
}


class Readability(Signal):
    """The school grade that reading a text takes, by a formula of the library textstat; for English.

    The column is called for example "question_grade".

    Args:
        of: "question", "reference", or a kind of annotation such as "rationale".
        formula: "grade" (Flesch and Kincaid), "fog" (Gunning), "smog", "coleman_liau", "automated" (the automated
            readability index), or "dale_chall".
    """

    def __init__(
        self,
        of: str = "question",
        formula: Literal["grade", "fog", "smog", "coleman_liau", "automated", "dale_chall"] = "grade",
    ) -> None:
        self.of = of
        self.formula = formula

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.of}_{self.formula}"

    def compute(self, lessons: LessonSet) -> Column:
        """Measure text by text; a lesson without that text, or without words in it, misses the value."""
        if self.formula not in MEASURES:
            raise ConfigError(
                f"Readability got formula={self.formula!r}; allowed are {', '.join(MEASURES)}. Correct `formula`."
            )
        with needed_by(self):
            import textstat
        grade = getattr(textstat, MEASURES[self.formula])
        texts = lesson_texts(lessons, self.of).to_pylist()
        values = [grade(text) if text and any(map(str.isalnum, text)) else np.nan for text in texts]
        return Column(np.array(values, np.float64), "grade", {"source": f"the {self.of}, by textstat"})
