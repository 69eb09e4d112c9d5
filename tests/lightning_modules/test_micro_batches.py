from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lightning_modules import CurriculumDataModule
from lightning_modules.micro_batches import MicroBatches
from lightning_modules.sampler import CurriculumSampler
from students import Student, TwoTask


@pytest.mark.parametrize(("pieces", "world"), [(1, 1), (3, 1), (2, 3)])
def test_the_weights_of_all_micro_batches_of_an_update_add_up_to_its_totals(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], pieces: int, world: int
) -> None:
    whole = data(8, TwoTask()).build(tiny().encoder)
    factors = np.random.default_rng(0).choice([0.5, 1.0, 3.0], len(whole.order))
    lengths = whole.sampler.lengths
    ranks = [
        MicroBatches(whole.lessons, whole.order, factors, CurriculumSampler(lengths, 8, pieces, rank, world))
        for rank in range(world)
    ]
    for update in range(whole.sampler.updates):
        batches = [rank[update * pieces + piece] for rank in ranks for piece in range(pieces)]
        found = sum(np.bincount(b.parts, b.weights, minlength=2) for b in batches)
        for batch in batches:
            assert batch.totals.tolist() == pytest.approx(found.tolist(), rel=1e-6)
            assert batch.plan.update == update
        assert [b.plan.closes_update for b in batches] == [k % pieces == pieces - 1 for k in range(len(batches))]
        tokens = sum(int((b.weights > 0).sum()) for b in batches)
        assert tokens == batches[0].plan.update_supervised_tokens


def test_the_fingerprint_is_the_same_for_every_split_and_knows_order_and_weights(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student]
) -> None:
    whole = data(8).build(tiny().encoder)
    lengths = whole.sampler.lengths
    split = MicroBatches(whole.lessons, whole.order, whole.factors, CurriculumSampler(lengths, 8, 4, 1, 2))
    assert split.fingerprint == whole.fingerprint
    changed = [
        MicroBatches(whole.lessons, whole.order[::-1], whole.factors, whole.sampler),
        MicroBatches(whole.lessons, whole.order, whole.factors * 2, whole.sampler),
        MicroBatches(whole.lessons, whole.order, whole.factors, CurriculumSampler(lengths, 7)),
    ]
    assert len({batches.fingerprint for batches in [whole, *changed]}) == 4
