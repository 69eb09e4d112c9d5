"""Recipes that say which lessons are learnt and which left out.

Every recipe is planned, and trained where it must be, and does what its method promises.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.recipes.curriculum_run import Ran, check_recipe, name_of


def best_of(ran: Ran, arm: str, by: str, sign: float, count: int = 20) -> None:
    """Check that an arm learns from the best lessons and no others."""
    table = ran.signals(arm)
    values = sign * table.column(by).values
    np.testing.assert_allclose(np.sort(values[table.left_out.kept]), np.sort(values)[-count:])
    assert len(set(ran.ids(arm))) == count


def ifd(ran: Ran) -> None:
    table = ran.signals("ifd")
    values = table.column("ifd").values
    kept = values[table.left_out.kept]
    assert len(kept) == 20
    assert kept.max() <= 1
    assert kept.min() >= np.sort(values[values <= 1])[-20]
    assert len(set(ran.ids("random-share"))) == 20


def lobass(ran: Ran) -> None:
    best_of(ran, "lobass", "loss_drop", 1)
    assert ran.signals("lobass").column("loss_drop").values.mean() > 0  # the reference has learnt


def instruct_mining(ran: Ran) -> None:
    best_of(ran, "instruct-mining", "predicted_loss", -1)
    facts = ran.signals("instruct-mining").column("predicted_loss").provenance
    assert len(facts["coefficients"]) == 4
    assert facts["explained"] > 0


def deepdistill(ran: Ran) -> None:
    assert (ran.along("deepdistill", "best_score") == 1).all()
    second = ran.plan("deepdistill").stage == 1
    assert set(ran.along("deepdistill", "half")[second].tolist()) == {1.0}
    assert np.flatnonzero(second).min() == 20 * 16  # where the rate falls


def rft(ran: Ran) -> None:
    table = ran.signals("rft")
    kept = table.left_out.kept
    pairs = np.stack([table.column(name).values[kept] for name in ("id", "rationale_equation_list")])
    assert len(np.unique(pairs, axis=1).T) == len(kept)
    questions = len(np.unique(pairs[0]))
    assert questions == len(set(ran.ids("one-solution"))) == 80
    assert 1.5 * questions < len(kept) < 0.8 * len(table)  # several ways, and some samples go the same


def repeated_random_subsets(ran: Ran) -> None:
    fresh = np.array(ran.ids("fresh-subsets")).reshape(16, 40)
    assert all(len(set(part.tolist())) == 40 for part in fresh)
    assert len(set(fresh.ravel().tolist())) > 120
    assert len(set(ran.ids("one-subset"))) == 40


def tapir_selection(ran: Ran) -> None:
    assert (ran.along("tapir", "gap") >= 0.5).all()
    table = ran.signals("tapir")
    far, topic = table.column("gap").values >= 0.5, table.column("topic").values
    kept = table.left_out.kept
    assert len(kept) == round(0.5 * far.sum())
    sizes, easy = np.bincount(topic[far].astype(int)), int((topic[kept] == 0).sum())
    assert easy == round(len(kept) / 3) or sizes[1] == len(kept) - easy  # one to two, unless a kind runs short


def delift(ran: Ran) -> None:
    kept = {arm: set(ran.ids(arm)) for arm in ran.course.arms}
    assert {len(ids) for arm, ids in kept.items() if arm != "delift-continued"} == {12}
    assert len({frozenset(ids) for ids in kept.values()}) == 4
    table = ran.signals("delift-continued")
    small = table.column("topic").values == 0
    assert small.any()
    assert not small[table.left_out.kept].any()
    assert len(table.left_out.kept) == round(0.3 * (~small).sum())


def iter_select_tune(ran: Ran) -> None:
    best_of(ran, "iter-select-tune", "likely_hard", 1, 12)
    facts = ran.signals("iter-select-tune").column("likely_hard").provenance
    assert 10 <= facts["labels"] <= 30
    assert 0 < facts["hard"] < facts["labels"]


CHECKS = [
    ifd,
    lobass,
    instruct_mining,
    deepdistill,
    rft,
    repeated_random_subsets,
    tapir_selection,
    delift,
    iter_select_tune,
]


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_a_recipe_does_what_its_method_promises(check: Callable[[Ran], None], here: None) -> None:
    check_recipe(check)
