from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from curricula.timetable import Planned
from lightning_modules import CurriculumDataModule
from lightning_modules.data.micro_batches import MicroBatches
from students import Student, TwoTask


def other(whole: MicroBatches, factor: float = 1.0, backwards: bool = False, **sampler: int) -> MicroBatches:
    """The same plan with other weights, another order, or another split."""
    plan = whole.sampler.timetable
    assert isinstance(plan, Planned)
    positions = plan.positions[::-1] if backwards else plan.positions
    per_update = sampler.get("lessons_per_update", plan.lessons_per_update)
    plan = Planned(positions, plan.weights * factor, plan.stages, per_update)
    return replace(whole, sampler=replace(whole.sampler, timetable=plan, **sampler))


@pytest.mark.parametrize(("pieces", "world"), [(1, 1), (3, 1), (2, 3)])
def test_the_weights_of_all_micro_batches_of_an_update_add_up_to_its_totals(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], pieces: int, world: int
) -> None:
    whole = data(8, TwoTask()).build(tiny().encoder)
    plan = whole.sampler.timetable
    assert isinstance(plan, Planned)
    weights = np.random.default_rng(0).choice([0.5, 1.0, 3.0], len(plan.positions))
    whole = replace(whole, sampler=replace(whole.sampler, timetable=replace(plan, weights=weights)))
    ranks = [other(whole, micro_batches=pieces, rank=rank, world_size=world) for rank in range(world)]
    for update in range(whole.sampler.updates):
        batches = [rank[piece] for rank in ranks for piece in rank.sampler.pieces(update)]
        found = sum(np.bincount(b.parts, b.weights, minlength=2) for b in batches)
        for batch in batches:
            assert batch.totals.tolist() == pytest.approx(found.tolist(), rel=1e-6)
            assert batch.plan.update == update
        assert [b.plan.closes_update for b in batches] == [k % pieces == pieces - 1 for k in range(len(batches))]
        tokens = sum(int((b.weights > 0).sum()) for b in batches)
        assert tokens == batches[0].plan.update_supervised_tokens
        names = dict(zip(whole.lessons.ids, range(len(whole.lessons)), strict=True))
        lessons, drawn = whole.sampler.step(update).lessons.tolist(), weights[8 * update : 8 * update + 8]
        assert sorted(names[name] for b in batches for name in b.plan.lesson_ids) == sorted(lessons)
        assert {b.plan.update_lesson_weight for b in batches} == {drawn.sum()}
        assert {b.plan.update_sequence_weights for b in batches} == {(drawn.sum(), drawn.sum())}  # one for each task


def test_the_fingerprint_is_the_same_for_every_split_and_knows_order_and_weights(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student]
) -> None:
    whole = data(8).build(tiny().encoder)
    assert other(whole, micro_batches=4, rank=1, world_size=2).fingerprint == whole.fingerprint
    changed = [
        other(whole, backwards=True),
        other(whole, factor=2.0),
        other(whole, lessons_per_update=7),
        replace(whole, rule="another"),
    ]
    assert len({batches.fingerprint for batches in [whole, *changed]}) == 5
