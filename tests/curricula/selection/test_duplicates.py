from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.pool import Pool
from curricula.selection import Distinct, OnePer
from lessons.errors import ConfigError

CHANCE = np.random.default_rng(0)


def test_the_first_of_equal_texts_stays_and_the_others_name_it(questions: Callable) -> None:
    made = Distinct().select(questions(["What is 2?", "Why?", "what  is\n2", "What is 22?"]), CHANCE)
    assert made.kept.tolist() == [0, 1, 3]
    assert made.twin is not None
    assert made.twin.tolist() == [-1, -1, 0, -1]


def test_lessons_without_the_text_are_all_kept(questions: Callable) -> None:
    assert len(Distinct("rationale").select(questions(["a", "a"]), CHANCE).kept) == 2
    assert Distinct("reference").select(questions(["a", "b"]), CHANCE).kept.tolist() == [0]


def test_one_of_every_combination(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(prompt=["p", "p", "p", "q"], way=["x", "y", "x", "x"], score=[1, 2, 3, None])
    assert OnePer(["prompt", "way"]).select(pool, CHANCE).kept.tolist() == [0, 1, 3]
    best = OnePer(["prompt", "way"], prefer="score").select(pool, CHANCE)
    assert best.kept.tolist() == [1, 2, 3]
    assert best.twin is not None
    assert best.twin.tolist() == [2, -1, -1, -1]
    assert OnePer(["prompt"], "score", "lowest").select(pool, CHANCE).kept.tolist() == [0, 3]
    many = make_pool(**{f"group{k}": [0, 1, 0, k % 2] for k in range(70)})  # 2^70 combinations: more than numbers
    assert OnePer([f"group{k}" for k in range(70)]).select(many, CHANCE).kept.tolist() == [0, 1, 3]
    with pytest.raises(ConfigError, match=r"OnePer got by=\[\]; at least one signal"):
        OnePer([]).select(pool, CHANCE)
