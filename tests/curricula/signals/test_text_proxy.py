from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula import TextProxy
from lessons.errors import ConfigError, DataError

WORDS = ["easy small", "easy two", "hard proof", "hard lemma"]


def test_words_tell_what_a_judge_was_not_asked(written: Callable, numbers: type) -> None:
    texts = [f"{WORDS[k % 4]} number {k}" for k in range(80)]
    judged = [(0.0 if k % 4 < 2 else 1.0) if k < 40 else None for k in range(80)]
    column = TextProxy(numbers(judged)).measure(written(texts))
    hard = np.arange(80) % 4 >= 2
    assert column.values[hard].min() > column.values[~hard].max()
    assert column.provenance["fitted_on"] == 40
    assert column.provenance["rank_correlation"] > 0.8


def test_chance_is_not_trusted(written: Callable, numbers: type) -> None:
    values = np.random.default_rng(0).random(60).tolist()
    column = TextProxy(numbers(values)).measure(written([f"question {k}" for k in range(60)]))
    assert column.provenance["rank_correlation"] < 0.4


def test_lessons_without_the_text_get_no_prediction(written: Callable, numbers: type) -> None:
    lessons = written(["q"] * 12, [*[f"r {k}" for k in range(11)], None])
    values = TextProxy(numbers([float(k) for k in range(12)]), "rationale").measure(lessons).values
    assert np.isnan(values).tolist() == [False] * 11 + [True]


def test_too_few_known_values_are_refused(written: Callable, numbers: type) -> None:
    with pytest.raises(DataError, match=r"can learn 'numbers' from 1 lessons .* at least 10 are needed for 5 folds"):
        TextProxy(numbers([1.0, None])).measure(written(["a", "b"]))
    with pytest.raises(ConfigError, match=r"ridge=0 and folds=5; the ridge must be above 0"):
        TextProxy(numbers([1.0]), ridge=0).measure(written(["a"]))
