"""Which way a solution goes: its equations."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from curricula.signals.base import Column, Signal
from curricula.signals.texts import lesson_texts
from lessons.lesson_set import LessonSet

__all__ = ["EquationList", "equations_in"]

EQUATION = re.compile(r"[\d(.][^\n=<>:;,a-zA-Z]*=[^\n=<>:;,a-zA-Z]*[\d)]")


class EquationList(Signal):
    """A number for each different list of equations in a text: solutions with the same one go the same way.

    Rejection-sampling fine-tuning keeps one solution of each question and list of equations (Yuan et al. 2023,
    arXiv:2308.01825): OnePer([id, rationale_equation_list]) with Category("id"). The numbers mean nothing else. Spaces,
    currency and per-cent signs do not count.

    Args:
        of: Kind of the annotation whose equations are listed; also "question" or "reference".
    """

    def __init__(self, of: str = "rationale") -> None:
        self.of = of

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.of}_equation_list"

    def compute(self, lessons: LessonSet) -> Column:
        """List and number them; all texts without equations share a number, a lesson without the text has none."""
        texts = lesson_texts(lessons, self.of).to_pylist()
        lists = pa.array([None if text is None else "; ".join(equations_in(text)) for text in texts], pa.string())
        codes = lists.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        return Column(np.asarray(codes, np.float64), provenance={"source": f"the equations of the {self.of}"})


def equations_in(text: str) -> list[str]:
    """Return the equations between numbers in a text, in their order, without spaces.

    >>> equations_in("He pays 3 * $4 = $12, so 20 - 12 = 8 are left.")
    ['3*4=12', '20-12=8']
    """
    return [re.sub(r"[\s$%]", "", found) for found in EQUATION.findall(text)]
