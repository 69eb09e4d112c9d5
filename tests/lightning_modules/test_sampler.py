from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lightning_modules import CurriculumSampler

numbers = st.integers(1, 5)


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=80),
    per_update=st.integers(1, 30),
    pieces=numbers,
    world=numbers,
)
def test_every_position_comes_once_in_its_update_whatever_the_split(
    lengths: list[int], per_update: int, pieces: int, world: int
) -> None:
    ranks = [CurriculumSampler(np.array(lengths), per_update, pieces, rank, world) for rank in range(world)]
    assert {len(sampler) for sampler in ranks} == {ranks[0].updates * pieces}
    for update in range(ranks[0].updates):
        whole = ranks[0].update(update)
        cut = [sampler.pieces(update) for sampler in ranks]
        assert all(len(found) == pieces for found in cut)
        assert sorted(int(p) for found in cut for piece in found for p in piece) == list(range(whole.start, whole.stop))
        for rank, found in enumerate(cut):
            assert {int(p) for piece in found for p in piece} == set(range(whole.start + rank, whole.stop, world))
    assert ranks[0].update(ranks[0].updates - 1).stop == len(lengths)


@given(st.lists(st.integers(1, 50), min_size=8, max_size=8), numbers)
def test_micro_batches_of_an_update_are_sorted_by_length_and_nearly_equal(lengths: list[int], pieces: int) -> None:
    found = CurriculumSampler(np.array(lengths), 8, pieces).pieces(0)
    assert [lengths[p] for piece in found for p in piece] == sorted(lengths)
    assert max(map(len, found)) - min(map(len, found)) <= 1


def test_a_micro_batch_is_a_function_of_its_number_alone() -> None:
    sampler = CurriculumSampler(np.arange(30)[::-1], 8, 3, 1, 2)
    in_order = [piece.tolist() for piece in sampler]
    assert [sampler.micro_batch(k).tolist() for k in reversed(range(len(sampler)))] == in_order[::-1]


def test_an_update_with_fewer_lessons_than_micro_batches_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"One update has 3 lessons .* into 4 micro-batches .* at least 4 .* Raise data"
    ):
        CurriculumSampler(np.ones(9), 3, 2, 0, 2).check()
