"""When two solutions are the same: by their calculations, or by their words where nothing is calculated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lessons.records import Annotation

__all__ = ["essence", "without_repeats"]

CALCULATION = re.compile(
    r"(?P<left>[\d.,$%()+\-\u2212*/\u00d7\u00f7^ \t]*[\d)%])[ \t]*=[ \t]*\$?(?P<right>-?[\d.,]*\d)"
)
SIGNS = str.maketrans({"\u2212": "-", "\u00d7": "*", "\u00f7": "/", "$": None, ",": None, " ": None, "\t": None})
WORD = re.compile(r"\w+")


def essence(text: str) -> tuple[str, ...]:
    """Return what makes a solution this one: its calculations in their order, else its words.

    Rejection-sampled solutions count as different when their lists of equations differ (Yuan et al. 2023,
    arXiv:2308.01825, unchecked; our reading of which texts are equations).

    >>> essence("First 2 + 2 = 4. Then 4 * 3 = 12.") == essence("2+2=4, so 4*3=12")
    True
    >>> essence("Paris, of course.") == essence("paris of course")
    True
    """
    found = tuple(f"{c['left'].translate(SIGNS)}={c['right'].translate(SIGNS)}" for c in CALCULATION.finditer(text))
    return found or tuple(WORD.findall(text.casefold()))


def without_repeats(annotations: Sequence[Annotation]) -> list[Annotation]:
    """Mark each trusted annotation that says the same as an earlier trusted one: `data["repeats"]` is its sample."""
    first: dict[tuple[str, ...], int] = {}
    result = []
    for annotation in annotations:
        if annotation.trusted:
            sample = first.setdefault(essence(annotation.text), annotation.sample)
            if sample != annotation.sample:
                problem = f"says the same as sample {sample}"
                annotation = replace(annotation, problem=problem, data={**annotation.data, "repeats": sample})
        result.append(annotation)
    return result
