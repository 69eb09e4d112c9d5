"""Recipes whose plans hear, while the student trains, what it has learnt.

Every recipe is planned, and trained where it must be, and does what its method promises.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.recipes.curriculum_run import Ran, check_recipe, name_of, rises


def skill_it(ran: Ran) -> None:
    graph = np.array([[1, 0.5, 0], [0, 1, 0.5], [0, 0, 1]])
    for _, state in ran.states("skill-it"):
        weights = np.exp(0.5 * (graph @ state["losses"].sum(axis=0)))
        assert len(state["losses"]) == 3
        np.testing.assert_allclose(state["shares"], weights / weights.sum())


def diversify_and_conquer(ran: Ran) -> None:
    counts = np.bincount(ran.along("diversify", "cluster").astype(int))
    assert counts.max() - counts.min() <= 12
    shares = ran.states("diversify-and-conquer")[-1][1]["shares"]
    assert shares.sum() == pytest.approx(1)
    assert np.ptp(shares) > 0.01


def multistage_filtering(ran: Ran) -> None:
    state = ran.states("skip-easy")[-1][1]
    assert state["lessons"].sum() > 60
    assert state["lessons"].min() > 10  # it has met hard and easy ones
    assert len(ran.heard("skip-easy")) == 7


def paprika(ran: Ran) -> None:
    state, heard = ran.states("paprika")[-1][1], ran.heard("paprika")
    assert len(heard) == 20
    assert state["heard"].sum() == 20  # one group a time: only the one that was chosen
    assert state["heard"].min() >= 1
    means = state["sum"] / state["heard"]
    assert (means >= 0).all()
    assert means.max() <= (1 + 1 / 16) * 7 * (3 / 16) ** 0.5 / 2.75  # three of four tries right give most


def data_diets(ran: Ran) -> None:
    assert [line["update"] for line in ran.heard("data-diet")] == [5, 10, 15, 20]
    figures = ran.states("data-diet")[-1][1]["figures"]
    assert len(figures) == 80
    assert ((figures > 0) & (figures < 2**0.5)).all()  # none is missing
    errors = [line["probe_error_norm"] for line in ran.heard("data-diet")]
    assert errors[-1] < errors[0]
    assert len(set(ran.ids("random-half"))) == 40


def self_paced(ran: Ran) -> None:
    assert [line["update"] for line in ran.heard("self-paced")] == [2, 4, 6, 8, 10]
    figures = ran.states("self-paced")[-1][1]["figures"]
    assert len(figures) == 80
    assert (figures > 0).all()
    assert not np.allclose(figures, ran.signals("self-paced").column("nuclear_norm").values)
    table = ran.signals("same-growth")
    assert rises(table.column("nuclear_norm").values[np.argsort(table.rank)])


CHECKS = [skill_it, diversify_and_conquer, multistage_filtering, paprika, data_diets, self_paced]


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_a_recipe_does_what_its_method_promises(check: Callable[[Ran], None], here: None) -> None:
    check_recipe(check)
