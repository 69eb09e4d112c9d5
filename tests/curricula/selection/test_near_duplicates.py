from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.selection import NearlyDistinct
from curricula.selection.near_duplicates import shingles
from lessons.errors import ConfigError

CHANCE = np.random.default_rng(0)
STORY = "a farmer has twelve cows and sells three of them at the market before noon"


def test_a_text_with_one_word_changed_is_nearly_the_same(questions: Callable) -> None:
    texts = [STORY, STORY + " today", "how many legs does a spider have in all", STORY.replace("cows", "pigs"), "short"]
    made = NearlyDistinct(threshold=0.5).select(questions(texts), CHANCE)
    assert made.kept.tolist() == [0, 2, 4]
    assert made.twin is not None
    assert made.twin.tolist() == [-1, 0, -1, 0, -1]


def test_what_is_left_out_is_always_alike(questions: Callable) -> None:
    generator = np.random.default_rng(3)
    words = np.array(STORY.split())
    texts = [" ".join(words[generator.integers(0, 6, 8)]) for _ in range(150)]
    made = NearlyDistinct(threshold=0.5, words=1).select(questions(texts), CHANCE)
    assert made.twin is not None
    sets = [shingles(text, 1) for text in texts]
    assert 0 < len(made.kept) < 150
    for place, twin in enumerate(made.twin):
        if twin >= 0:
            assert len(sets[place] & sets[twin]) >= 0.5 * len(sets[place] | sets[twin])
            assert made.reason[twin] == -1


def test_settings_that_do_not_fit_are_refused(questions: Callable) -> None:
    with pytest.raises(ConfigError, match=r"threshold=0, words=3, permutations=128; the threshold must be above 0"):
        NearlyDistinct(threshold=0).select(questions(["a"]), CHANCE)
