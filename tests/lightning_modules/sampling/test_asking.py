from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curricula.timetable import Planned
from lightning_modules.data.micro_batches import MicroBatches
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.data.sampler import CurriculumSampler
from lightning_modules.sampling.asking import asked_of, prompt_lengths
from students.renderings import Example

WEIGHTS = {
    "p0": [[0, 0, 1, 1], [0, 1, 1]],
    "p1": [[0, 0, 0, 0.5, 0, 1]],  # what is not learnt in the middle of an answer is not read either
    "p2": [[0, 1]],
}


def lessons() -> RenderedLessons:
    examples = {
        name: [
            Example(name, [10 * k + t for t in range(len(w))], list(map(float, w)), "answer")
            for k, w in enumerate(found)
        ]
        for name, found in WEIGHTS.items()
    }
    return RenderedLessons.of(examples, ("answer",))


def batches(order: list[int], rank: int, world_size: int, micro_batches: int) -> MicroBatches:
    rendered = lessons()
    places = np.array(order)
    timetable = Planned(places, np.arange(1.0, 1 + len(order)), np.zeros(len(order), np.int32), len(order))
    sampler = CurriculumSampler(timetable, np.arange(3), rendered.longest, len(order), micro_batches, rank, world_size)
    return MicroBatches(rendered, sampler)


def test_a_prompt_is_what_comes_before_the_first_token_to_learn() -> None:
    assert prompt_lengths(lessons()).tolist() == [2, 1, 3, 1]
    found = asked_of(batches([0, 1, 2], 0, 1, 1), 0, 1)
    assert {a.sequence: a.prompt.tolist() for a in found} == {0: [0, 1], 1: [10], 2: [0, 1, 2], 3: [0]}
    assert {a.sequence: (a.lesson, a.lesson_id) for a in found} == {
        0: (0, "p0"),
        1: (0, "p0"),
        2: (1, "p1"),
        3: (2, "p2"),
    }
    assert {a.lesson: a.factor for a in found} == {0: 1.0, 1: 2.0, 2: 3.0}


@given(st.lists(st.integers(0, 2), min_size=1, max_size=9), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_however_an_update_is_shared_out_the_same_answers_are_asked_for_once_each(
    order: list[int], world_size: int, micro_batches: int, samples: int
) -> None:
    def wanted(ranks: int, pieces: int) -> Counter[Any]:
        found = [
            answer for rank in range(ranks) for answer in asked_of(batches(order, rank, ranks, pieces), 0, samples)
        ]  # fmt: skip
        return Counter((a.sequence, a.copy, a.group) for a in found)

    whole = wanted(1, 1)
    assert set(whole.values()) == {1}
    assert wanted(world_size, micro_batches) == whole
    for sequence, lesson in enumerate([0, 0, 1, 2]):
        copies = sorted(copy for number, copy, _ in whole if number == sequence)
        assert copies == list(range(samples * order.count(lesson)))
    assert all(group == copy // samples for _, copy, group in whole)
