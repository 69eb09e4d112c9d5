from __future__ import annotations

from dataclasses import replace

import numpy as np

from lightning_modules.data.rendered import RenderedLessons
from students import Example

EXAMPLES = {
    "a": [Example("a", [5, 6, 7], [0.0, 1.0, 0.5], "answer"), Example("a", [8, 9], [0.0, 2.0], "why")],
    "b": [Example("b", [1, 2, 3, 4], [0.0, 0.0, 0.0, 1.0], "answer")],
}


def test_lessons_come_back_as_they_were_rendered() -> None:
    lessons = RenderedLessons.of(EXAMPLES, ["answer", "why"])
    found = [
        (lessons.ids[k], tokens.tolist(), weights.tolist(), lessons.part_names[part])
        for k in range(len(lessons))
        for tokens, weights, part in lessons.sequences(k)
    ]
    assert found == [(e.lesson_id, e.input_ids, e.weights, e.part) for es in EXAMPLES.values() for e in es]


def test_counts_and_totals_are_per_lesson_and_part() -> None:
    lessons = RenderedLessons.of(EXAMPLES, ["answer", "why"])
    assert lessons.lengths.tolist() == [5, 4]
    assert lessons.longest.tolist() == [3, 4]
    assert lessons.supervised.tolist() == [3, 1]
    assert lessons.part_totals.tolist() == [[1.5, 2.0], [1.0, 0.0]]


def test_a_first_token_is_never_a_target() -> None:
    lessons = RenderedLessons.of({"a": [Example("a", [1, 2], [1.0, 1.0], "answer")]}, ["answer"])
    assert lessons.weights.tolist() == [0.0, 1.0]
    assert lessons.part_totals.tolist() == [[1.0]]


def test_tokens_take_eight_bytes_and_the_fingerprint_knows_every_one() -> None:
    lessons = RenderedLessons.of(EXAMPLES, ["answer", "why"])
    assert (lessons.tokens.dtype, lessons.weights.dtype) == (np.int32, np.float32)
    changed = {**EXAMPLES, "b": [Example("b", [1, 2, 3, 5], [0.0, 0.0, 0.0, 1.0], "answer")]}
    assert RenderedLessons.of(EXAMPLES, ["answer", "why"]).fingerprint == lessons.fingerprint
    assert RenderedLessons.of(changed, ["answer", "why"]).fingerprint != lessons.fingerprint


def test_rewards_belong_to_sequences_and_are_part_of_what_is_trained() -> None:
    marked = {"a": [replace(EXAMPLES["a"][0], reward=1.0), EXAMPLES["a"][1]], "b": EXAMPLES["b"]}
    lessons = RenderedLessons.of(marked, ["answer", "why"])
    assert np.array_equal(lessons.rewards, [1.0, np.nan, np.nan], equal_nan=True)
    plain = RenderedLessons.of(EXAMPLES, ["answer", "why"])
    assert plain.rewards is None
    assert plain.fingerprint != lessons.fingerprint
