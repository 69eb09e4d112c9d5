from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula.pool import Pool
from curricula.selection import FacilityLocation, Links, NearestNeighbours, Relation
from curricula.selection.facility_location import lazy_greedy


def value(links: Links, size: int, chosen: list[int]) -> float:
    """f(S) = sum over i of max over j in S of s_ij, written out."""
    worth = np.zeros((size, size))
    worth[links.covered, links.by] = links.worth
    return float(worth[:, chosen].max(axis=1).sum()) if chosen else 0.0


def plain_greedy(links: Links, size: int, count: int) -> list[int]:
    chosen: list[int] = []
    for _ in range(count):
        gains = [value(links, size, [*chosen, j]) if j not in chosen else -1.0 for j in range(size)]
        chosen.append(int(np.argmax(gains)))
    return chosen


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Links, int]:
    size = draw(st.integers(1, 9))
    pairs = draw(st.lists(st.tuples(*[st.integers(0, size - 1)] * 2), unique=True, max_size=30))
    worths = draw(st.lists(st.integers(1, 8), min_size=len(pairs), max_size=len(pairs)))
    covered, by = np.array(pairs, np.int64).reshape(-1, 2).T
    return Links(covered, by, np.array(worths) / 8), size  # eighths: sums are exact, so ties are ties


@given(graphs(), st.data())
def test_lazy_greedy_is_plain_greedy(graph: tuple[Links, int], data: st.DataObject) -> None:
    links, size = graph
    count = data.draw(st.integers(1, size))
    assert lazy_greedy(links, size, count).tolist() == plain_greedy(links, size, count)


@settings(max_examples=30)
@given(graphs(), st.data())
def test_the_choice_is_at_least_as_good_as_promised(graph: tuple[Links, int], data: st.DataObject) -> None:
    links, size = graph
    count = data.draw(st.integers(1, size))
    best = max(value(links, size, list(some)) for some in itertools.combinations(range(size), count))
    assert value(links, size, lazy_greedy(links, size, count).tolist()) >= (1 - 1 / np.e) * best - 1e-12


class Helps(Relation):
    """Lesson 3 helps with everything."""

    def links(self, pool: Pool) -> Links:
        return Links(np.arange(5), np.full(5, 3), np.ones(5))


def test_any_relation_can_be_used(make_pool: Callable[..., Pool]) -> None:
    made = FacilityLocation(Helps(), count=1).select(make_pool(score=[0.5] * 5), np.random.default_rng(0))
    assert made.kept.tolist() == [3]
    assert made.reasons == ("others stand for it",)


def test_one_lesson_stands_for_each_bunch(make_pool: Callable[..., Pool], drawn_vectors: Callable) -> None:
    generator = np.random.default_rng(0)
    centres = np.repeat(np.eye(4), 10, axis=0) + 0.05 * generator.normal(size=(40, 4))
    relation = NearestNeighbours(drawn_vectors(centres), neighbours=12)
    kept = FacilityLocation(relation, share=0.1).select(make_pool(score=[0.5] * 40), generator).kept
    assert sorted(kept // 10) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"share=None and count=None"):
        FacilityLocation(relation).select(make_pool(score=[0.5] * 40), generator)
