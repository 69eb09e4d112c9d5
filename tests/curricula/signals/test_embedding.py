from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.pool import Pool
from curricula.signal_table import SignalTable
from curricula.signals.embedding import WordVectors
from lessons.errors import ConfigError


def test_texts_with_the_same_words_point_the_same_way(make_lessons: Callable) -> None:
    lessons = make_lessons([0.5] * 12)
    vectors = WordVectors(dimensions=8).embed(lessons, np.arange(12))  # "What is 3 plus 3?"
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors[10] @ vectors[11] < vectors[3] @ vectors[4] <= 1 + 1e-5  # one-digit numbers are no terms
    np.testing.assert_allclose(WordVectors(dimensions=8).embed(lessons, np.arange(12)), vectors, atol=1e-5)


def test_one_lesson_and_missing_texts_have_vectors_too(make_lessons: Callable) -> None:
    assert WordVectors().embed(make_lessons([0.5]), np.arange(1)).shape[0] == 1
    assert not WordVectors(of="critique").embed(make_lessons([0.5] * 3), np.arange(3)).any()
    with pytest.raises(ConfigError, match=r"dimensions=1; at least 2"):
        WordVectors(dimensions=1).embed(make_lessons([0.5]), np.arange(1))


def test_a_pool_embeds_its_lessons_once(make_lessons: Callable, drawn_vectors: Callable) -> None:
    lessons, embedding = make_lessons([0.5] * 6), drawn_vectors(np.eye(6))
    whole = Pool.whole(lessons, SignalTable(lessons.ids, {}, ""))
    part = whole.subset(np.array([1, 3, 4]))
    np.testing.assert_array_equal(part.vectors(embedding), np.eye(6)[[1, 3, 4]])
    np.testing.assert_array_equal(part.subset(np.array([2])).vectors(embedding), np.eye(6)[[4]])
    assert embedding.asked == [[1, 3, 4]]
    np.testing.assert_array_equal(whole.vectors(embedding), np.eye(6))
