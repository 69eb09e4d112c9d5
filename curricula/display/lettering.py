"""Words and numbers from data in pictures: whatever they are, the picture can be drawn."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curricula.arrays import Scores
from lessons.files import staged

__all__ = ["drawable", "lettered", "lettering", "write_words"]

LONGEST = 60
LARGEST = 1e30
"""Numbers beyond it are left out of pictures: scales and ticks overflow long before the numbers do."""


@contextmanager
def lettering(settings: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Draw text as it stands, dollar signs included, also in scripts that the font at hand lacks.

    Args:
        settings: More of matplotlib's settings.
    """
    import matplotlib

    chosen: Any = {"text.parse_math": False, **(settings or {})}  # its type lists every setting there is
    with matplotlib.rc_context(chosen), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def lettered(text: str, longest: int = LONGEST) -> str:
    r"""Return a text as it can stand in a picture: not too long, and without what is no letter.

    >>> lettered("a\x00b"), lettered("a long name", longest=6), lettered("")
    ('a�b', 'a lon…', ' ')
    """
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return (shown if len(shown) <= longest else f"{shown[: longest - 1]}…") or " "


def drawable(values: npt.ArrayLike) -> Scores:
    """Return numbers with NaN, a gap, in the place of those that cannot be drawn.

    >>> drawable([1.0, float("inf"), -1e300]).tolist()
    [1.0, nan, nan]
    """
    numbers = np.asarray(values, np.float64)
    return np.where(np.abs(numbers) <= LARGEST, numbers, np.nan)  # neither is NaN


@lettering()
def write_words(path: str | Path, words: str) -> None:
    """Write a PNG file that holds nothing but words: what stands where a picture could not be drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2), dpi=120)
    FigureCanvasAgg(figure)
    figure.text(0.02, 0.9, "\n".join(textwrap.wrap(lettered(words, 500), 110)), va="top", fontsize=9)
    with staged(path) as partial:
        figure.savefig(partial, format="png")
