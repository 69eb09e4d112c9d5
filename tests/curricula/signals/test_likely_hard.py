from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula import Column, LikelyHard, Signal
from curricula.signals.likely_hard import differing
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

SIZE = 60
Make = Callable[..., LessonSet]


RULES: dict[str, Callable[[int], float]] = {
    "odd": lambda k: float(k % 2),
    "random": lambda k: np.random.default_rng(k).random(),  # nothing to be learnt; about every other one is hard
    "some unknown": lambda k: np.nan if k % 3 == 0 else float(k % 2),
    "never": lambda k: 0.0,
}


class Judge(Signal):
    """A dear signal, which notes what it was asked about."""

    def __init__(self, rule: str = "odd") -> None:
        self.rule = rule
        self.asked: list[int] = []

    @property
    def name(self) -> str:
        return "judged"

    def compute(self, lessons: LessonSet) -> Column:
        numbers = [int(name[1:]) for name in lessons.ids]
        self.asked += numbers
        return Column(np.array([RULES[self.rule](k) for k in numbers], np.float64))


def vectors_of(generator: np.random.Generator, apart: float) -> np.ndarray[Any, Any]:
    """Odd and even lessons lie around two directions."""
    raw = generator.normal(size=(SIZE, 4))
    raw[:, 0] += apart * np.where(np.arange(SIZE) % 2, 1, -1)
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True))


def fitted(vectors: np.ndarray[Any, Any], hard: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Minimise |w|^2 / 2 + sum log(1 + exp(-y (w x + b))) by Newton's method, in float64."""
    x = np.column_stack([vectors, np.ones(len(vectors))])
    ridge, w = np.diag([1.0] * vectors.shape[1] + [0.0]), np.zeros(vectors.shape[1] + 1)
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        w -= np.linalg.solve((x.T * (p * (1 - p))) @ x + ridge, x.T @ (p - hard) + ridge @ w)
    return w


@settings(max_examples=10)
@given(seed=st.integers(0, 99), weight=st.floats(0, 1))
def test_the_score_is_chance_and_likeness(make_lessons: Make, drawn_vectors: Any, seed: int, weight: float) -> None:
    vectors, judge = vectors_of(np.random.default_rng(seed), 2.0), Judge()
    signal = LikelyHard(judge, drawn_vectors(vectors), labels_per_round=12, rounds=2, likeness_weight=weight, goal=1.0)
    found = signal.measure(make_lessons([0.5] * SIZE))
    asked = np.array(sorted(judge.asked))
    assert len(asked) == len(set(asked)) == found.provenance["labels"] <= 24
    w = fitted(vectors[asked], asked % 2)
    chance = 1 / (1 + np.exp(-(vectors @ w[:-1] + w[-1])))
    likeness = (vectors @ vectors[asked[asked % 2 == 1]].T).max(axis=1)
    np.testing.assert_allclose(found.values, (1 - weight) * chance + weight * likeness, atol=2e-3)
    assert found.provenance["hard"] == (asked % 2).sum()


def test_it_stops_asking_when_it_is_right_often_enough(make_lessons: Make, drawn_vectors: Any) -> None:
    vectors, judge = vectors_of(np.random.default_rng(0), 9.0), Judge()
    signal = LikelyHard(judge, drawn_vectors(vectors), labels_per_round=10, rounds=5)
    found = signal.measure(make_lessons([0.5] * SIZE))
    assert found.provenance["accuracy_by_round"] == [1.0]
    assert len(judge.asked) <= 20
    assert found.values[1::2].min() > found.values[::2].max()


def test_it_goes_on_while_it_is_wrong_and_asks_of_every_lesson_once(make_lessons: Make, drawn_vectors: Any) -> None:
    judge = Judge("random")
    signal = LikelyHard(judge, drawn_vectors(vectors_of(np.random.default_rng(1), 0.0)), labels_per_round=25, rounds=9)
    found = signal.measure(make_lessons([0.5] * SIZE))
    assert sorted(judge.asked) == list(range(SIZE))
    assert len(found.provenance["accuracy_by_round"]) >= 2
    assert max(found.provenance["accuracy_by_round"]) < 0.95


def test_labels_that_are_missing_are_no_labels(make_lessons: Make, drawn_vectors: Any) -> None:
    judge = Judge("some unknown")
    signal = LikelyHard(judge, drawn_vectors(vectors_of(np.random.default_rng(2), 2.0)), labels_per_round=30, rounds=1)
    found = signal.measure(make_lessons([0.5] * SIZE))
    assert found.provenance["hard"] == sum(k % 2 == 1 and k % 3 > 0 for k in judge.asked)
    assert not np.isnan(found.values).any()


@given(size=st.integers(1, 30), count=st.integers(1, 40), seed=st.integers(0, 3))
@settings(max_examples=20)
def test_those_that_differ_are_different_lessons(size: int, count: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(size, 3)).astype(np.float32)
    chosen = differing(vectors, count, seed)
    assert 1 <= len(chosen) <= min(count, size)
    assert (np.diff(chosen) > 0).all()


def test_what_cannot_be_learnt_is_refused(make_lessons: Make, drawn_vectors: Any) -> None:
    lessons, vectors = make_lessons([0.5] * SIZE), drawn_vectors(vectors_of(np.random.default_rng(0), 1.0))
    with pytest.raises(DataError, match=r"cannot tell hard from easy: 0 of \d+ lessons labelled by 'judged' are hard"):
        LikelyHard(Judge("never"), vectors, labels_per_round=10).measure(lessons)
    with pytest.raises(ConfigError, match=r"labels_per_round=1, rounds=3, goal=0\.95 .* allowed are 2 labels a round"):
        LikelyHard(Judge(), vectors, labels_per_round=1).measure(lessons)
