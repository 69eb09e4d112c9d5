from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula import Rarity
from curricula.signals import rarity


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text("aB é1.,?\n", max_size=12), min_size=1, max_size=8), st.booleans())
def test_the_rarity_is_the_sum_of_minus_log_p(written: Callable, texts: list[str], mean: bool) -> None:
    words = [re.findall(r"\w+", text.lower()) for text in texts]
    counts = Counter(word for some in words for word in some)
    expected = [
        sum(-math.log(counts[word] / counts.total()) for word in some) / (len(some) if mean else 1) if some else np.nan
        for some in words
    ]
    np.testing.assert_allclose(Rarity(mean=mean).measure(written(texts)).values, expected, atol=1e-12)


def test_blocks_make_no_difference(written: Callable, monkeypatch: object) -> None:
    lessons = written(["one two", "two three", "three"], ["a b", None, "b"])
    whole = [Rarity(of).measure(lessons).values for of in ("question", "rationale")]
    monkeypatch.setattr(rarity, "TEXTS_PER_BLOCK", 1)  # type: ignore[attr-defined]
    for of, before in zip(("question", "rationale"), whole, strict=True):
        np.testing.assert_array_equal(Rarity(of).measure(lessons).values, before)
