"""How complex a piece of code is."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

from curricula.libraries import needed_by
from curricula.signals.base import Column, Signal
from curricula.signals.texts import lesson_texts
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["CodeComplexity", "code_in"]

FENCE = re.compile(r"```[^\n]*\n(.*?)```", re.DOTALL)
SUFFIXES = {"c": "c", "c++": "cpp", "java": "java", "javascript": "js", "typescript": "ts", "go": "go", "rust": "rs"}


class CodeComplexity(Signal):
    """The complexity of the code in a text, by the libraries radon (Python) and lizard (other languages).

    The overall complexity is the mean of cyclomatic complexity and Halstead's difficulty, which orders the curriculum
    for small code models (2024, arXiv:2407.10194). The column is called for example "reference_overall".

    Args:
        of: "question", "reference", or a kind of annotation such as "rationale".
        kind: "overall", "cyclomatic" (independent paths, added up over the functions and what stands outside) or
            "halstead" (difficulty). Other languages than Python have "cyclomatic" only.
        language: "python", or one of c, c++, java, javascript, typescript, go, rust.
    """

    def __init__(
        self,
        of: str = "reference",
        kind: Literal["overall", "cyclomatic", "halstead"] = "overall",
        language: str = "python",
    ) -> None:
        self.of = of
        self.kind = kind
        self.language = language

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.of}_{self.kind}"

    def compute(self, lessons: LessonSet) -> Column:
        """Measure text by text; a lesson without that text, or whose code cannot be read, misses the value."""
        allowed = self.kind in ("overall", "cyclomatic", "halstead")
        other = self.language in SUFFIXES and self.kind == "cyclomatic"
        if not (other or (allowed and self.language == "python")):
            raise ConfigError(
                f"CodeComplexity got kind={self.kind!r} and language={self.language!r}; allowed are overall, "
                f"cyclomatic and halstead for python, and cyclomatic for {', '.join(SUFFIXES)}. Correct them."
            )
        texts = lesson_texts(lessons, self.of).to_pylist()
        with needed_by(self):
            measured = [np.nan if text is None else self.complexity(code_in(text)) for text in texts]
        return Column(np.array(measured, np.float64), provenance={"source": f"the code in the {self.of}"})

    def complexity(self, code: str) -> float:
        """Return the complexity of some code; NaN where it cannot be read or there is none."""
        if not code.strip():
            return float("nan")
        if self.language != "python":
            import lizard

            read = lizard.analyze_file.analyze_source_code(f"code.{SUFFIXES[self.language]}", code)
            return float(sum(function.cyclomatic_complexity for function in read.function_list) or np.nan)
        from radon.metrics import h_visit
        from radon.visitors import ComplexityVisitor

        try:
            cyclomatic = float(ComplexityVisitor.from_code(code).total_complexity)
            halstead = float(h_visit(code).total.difficulty)
        except (SyntaxError, ValueError):
            return float("nan")
        return {"cyclomatic": cyclomatic, "halstead": halstead, "overall": (cyclomatic + halstead) / 2}[self.kind]


def code_in(text: str) -> str:
    """Return the fenced blocks of a text, one after another; the whole text if it has none.

    >>> code_in("Like this:\\n```python\\nx = 1\\n```\\n")
    'x = 1\\n'
    """
    blocks = FENCE.findall(text)
    return "\n".join(blocks) if blocks else text
