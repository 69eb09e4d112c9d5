from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula import Readability
from lessons.errors import ConfigError

EASY, HARD = "The cat sat on the mat.", "Incomprehensible institutional considerations notwithstanding, authorities."


@pytest.mark.parametrize("formula", ["grade", "fog", "coleman_liau", "automated", "dale_chall"])
def test_harder_words_take_a_higher_grade(written: Callable, formula: str) -> None:
    values = Readability(formula=formula).measure(written([EASY, HARD])).values  # type: ignore[arg-type]
    assert values[0] < values[1]


def test_the_grade_is_flesch_and_kincaids(written: Callable) -> None:
    """0.39 words/sentences + 11.8 syllables/words - 15.59: six words of one syllable in one sentence."""
    values = Readability().measure(written([EASY, "?!", ""])).values
    assert values[0] == pytest.approx(0.39 * 6 + 11.8 * 1 - 15.59, abs=0.05)
    assert np.isnan(values[1:]).all()


def test_unknown_formulas_are_refused(written: Callable) -> None:
    with pytest.raises(ConfigError, match=r"formula='ease'; allowed are grade, fog, smog"):
        Readability(formula="ease").measure(written(["q"]))  # type: ignore[arg-type]
