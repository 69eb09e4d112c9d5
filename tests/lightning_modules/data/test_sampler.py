from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.timetable import Planned
from lessons.errors import ConfigError
from lightning_modules import CurriculumSampler

numbers = st.integers(1, 5)


def sampler(lengths: list[int], per_update: int, pieces: int = 1, rank: int = 0, world: int = 1) -> CurriculumSampler:
    """Every lesson once, the last first; lesson k of the set is rendered as number n - 1 - k."""
    n = len(lengths)
    plan = Planned(np.arange(n)[::-1], np.arange(n) + 1.0, np.zeros(n, np.int32), per_update)
    return CurriculumSampler(plan, np.arange(n)[::-1], np.array(lengths), per_update, pieces, rank, world)


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=80),
    per_update=st.integers(1, 30),
    pieces=numbers,
    world=numbers,
)
def test_every_lesson_comes_once_in_its_update_whatever_the_split(
    lengths: list[int], per_update: int, pieces: int, world: int
) -> None:
    ranks = [sampler(lengths, per_update, pieces, rank, world) for rank in range(world)]
    assert {len(rank) for rank in ranks} == {ranks[0].updates * pieces}
    planned = list(range(len(lengths)))
    for update in range(ranks[0].updates):
        wanted = planned[update * per_update : (update + 1) * per_update]
        assert ranks[0].step(update).lessons.tolist() == wanted
        cut = [rank.pieces(update) for rank in ranks]
        assert all(len(found) == pieces for found in cut)
        for rank, found in enumerate(cut):
            assert {int(n) for piece in found for n in piece.lessons} == set(wanted[rank::world])
            for piece in found:
                assert piece.factors.tolist() == (piece.lessons + 1.0).tolist()
        assert sorted(int(n) for found in cut for piece in found for n in piece.lessons) == wanted
    assert wanted[-1] == len(lengths) - 1


@given(st.lists(st.integers(1, 50), min_size=8, max_size=8), numbers)
def test_micro_batches_of_an_update_are_sorted_by_length_and_none_is_empty(lengths: list[int], pieces: int) -> None:
    found = [piece.lessons for piece in sampler(lengths, 8, pieces).pieces(0)]
    assert [lengths[n] for piece in found for n in piece] == sorted(lengths)
    assert min(map(len, found)) > 0


def test_a_plan_that_keeps_within_its_token_budget_passes_and_any_other_is_refused() -> None:
    plan = sampler([10, 10, 10, 40, 10, 20, 20, 50], 4, 2)  # 30 + 40 tokens, then 3 * 20 + 50
    replace(plan, tokens_per_micro_batch=60).check_budget()
    tight = replace(plan, tokens_per_micro_batch=59)
    with pytest.raises(
        ConfigError, match=r"is 59, but cut into 2 .* update 1 has one of 60 tokens.*accumulate_grad_batches to 3"
    ):
        tight.check_budget()
    replace(tight, micro_batches=3).check_budget()


def test_a_token_budget_holds_on_every_rank_or_every_rank_refuses() -> None:
    ranks = [sampler([10, 10, 10, 40, 10, 20, 20, 50], 4, 1, rank, 2) for rank in range(2)]  # 20 + 80, 40 + 100
    for rank in ranks:
        replace(rank, tokens_per_micro_batch=100).check_budget()
        with pytest.raises(ConfigError, match=r"update 1 has one of 100 tokens.*accumulate_grad_batches to 2"):
            replace(rank, tokens_per_micro_batch=99).check_budget()
        with pytest.raises(ConfigError, match=r"is 49, but a single lesson of update 1 has 50 tokens .* Raise data"):
            replace(rank, tokens_per_micro_batch=49).check_budget()


def test_a_plan_that_hears_is_checked_as_far_as_it_is_known_and_warns_later(caplog: pytest.LogCaptureFixture) -> None:
    class Hearing(Planned):
        hears = True

    plan = sampler([10, 10, 10, 40, 10, 20, 20, 50], 4, 2)
    written = plan.timetable
    assert isinstance(written, Planned)
    heard = Hearing(written.positions, written.weights, written.stages, written.lessons_per_update)
    plan = replace(plan, timetable=heard, tokens_per_micro_batch=59)
    plan.check_budget()
    plan.pieces(0)
    assert not caplog.text
    plan.pieces(1)
    assert "Update 1 has a micro-batch of 60 tokens, more than data.tokens_per_micro_batch (59)" in caplog.text


def test_a_lesson_of_several_sequences_counts_them_all_as_long_as_the_longest() -> None:
    one = replace(sampler([10, 10], 2, 2), rows=np.array([1, 3]), tokens_per_micro_batch=29)
    with pytest.raises(ConfigError, match=r"a single lesson of update 0 has 30 tokens"):
        one.check_budget()
    replace(one, tokens_per_micro_batch=30).check_budget()


def test_a_micro_batch_is_a_function_of_its_number_alone() -> None:
    found = sampler(list(range(30)), 8, 3, 1, 2)
    in_order = [piece.lessons.tolist() for update in range(found.updates) for piece in found.pieces(update)]
    assert [found.piece(k).lessons.tolist() for k in reversed(range(len(found)))] == in_order[::-1]


def test_an_update_with_fewer_lessons_than_micro_batches_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"One update has 3 lessons .* into 4 micro-batches .* at least 4 .* Raise data"
    ):
        sampler([1] * 9, 3, 2, 0, 2).check()
