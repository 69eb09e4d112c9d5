from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula.pool import Pool
from curricula.selection import FacilityLocation, Links, NearestNeighbours, Relation
from curricula.selection.facility_location import lazy_greedy
from lessons.errors import ConfigError


def value(links: Links, size: int, chosen: list[int]) -> float:
    """f(S) = sum over i of max over j in S of s_ij, written out."""
    worth = np.zeros((size, size))
    worth[links.covered, links.by] = links.worth
    return float(worth[:, chosen].max(axis=1).sum()) if chosen else 0.0


def plain_greedy(links: Links, size: int, count: int, given: Sequence[int] = ()) -> list[int]:
    chosen = list(given)
    for _ in range(count):
        gains = [value(links, size, [*chosen, j]) if j not in chosen else -1.0 for j in range(size)]
        chosen.append(int(np.argmax(gains)))
    return chosen[len(given) :]


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


@given(graphs(), st.data())
def test_what_was_learnt_before_is_not_stood_for_again(graph: tuple[Links, int], data: st.DataObject) -> None:
    """Greedy on the conditional gain f(S + P) - f(P), written out."""
    links, size = graph
    before = data.draw(st.lists(st.integers(0, size - 1), unique=True, max_size=size - 1))
    free = np.array([j for j in range(size) if j not in before])
    count = data.draw(st.integers(1, len(free)))
    found = lazy_greedy(links, size, count, free, np.array(before, np.int64))
    assert found.tolist() == plain_greedy(links, size, count, before)


class Helps(Relation):
    """Lesson 3 helps with everything."""

    def links(self, pool: Pool) -> Links:
        return Links(np.arange(5), np.full(5, 3), np.ones(5))


def test_any_relation_can_be_used(make_pool: Callable[..., Pool]) -> None:
    made = FacilityLocation(Helps(), count=1).select(make_pool(score=[0.5] * 5), np.random.default_rng(0))
    assert made.kept.tolist() == [3]
    assert {made.reasons[code] for code in made.reason if code >= 0} == {"others stand for it"}


def test_one_lesson_stands_for_each_bunch(make_pool: Callable[..., Pool], drawn_vectors: Callable) -> None:
    generator = np.random.default_rng(0)
    centres = np.repeat(np.eye(4), 10, axis=0) + 0.05 * generator.normal(size=(40, 4))
    relation = NearestNeighbours(drawn_vectors(centres), neighbours=12)
    kept = FacilityLocation(relation, share=0.1).select(make_pool(score=[0.5] * 40), generator).kept
    assert sorted(kept // 10) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"share=None and count=None"):
        FacilityLocation(relation).select(make_pool(score=[0.5] * 40), generator)


class Drawn(Relation):
    """Links that a test writes down: covered, by, worth."""

    def __init__(self, *pairs: tuple[int, int, float]) -> None:
        self.pairs = pairs

    def links(self, pool: Pool) -> Links:
        covered, by, worth = zip(*self.pairs, strict=True)
        return Links(np.array(covered), np.array(by), np.array(worth))


def test_groups_that_are_known_or_wanted(make_pool: Callable[..., Pool]) -> None:
    """Lesson 1 is best for all; 0, learnt before, does most of that already; 4 is best for the wanted 3."""
    pool = make_pool(source=["old", "new", "new", "exam", "new"])
    old = [(0, 0, 1.0), (1, 0, 0.6), (4, 0, 0.6)]
    relation = Drawn(*old, (0, 1, 0.5), (1, 1, 1), (4, 1, 1), (2, 2, 0.9), (3, 2, 0.3), (3, 4, 0.4))
    generator = np.random.default_rng(0)

    def kept(**settings: Any) -> list[int]:
        made = FacilityLocation(relation, count=1, by="source", **settings).select(pool, generator)
        gone = {int(k): made.reasons[made.reason[k]] for k in np.flatnonzero(made.reason >= 0)}
        if "known" in settings:
            assert gone[0] == "learnt before"
        if "target" in settings:
            assert gone[3] == "others shall stand for it"
        return made.kept.tolist()

    assert kept() == [1]
    assert kept(known=["old"]) == [2]
    assert kept(target=["exam"]) == [4]
    assert kept(known=["old"], target=["exam"]) == [4]


def test_groups_that_cannot_be_used_are_refused(make_pool: Callable[..., Pool]) -> None:
    pool, generator = make_pool(source=["old"] * 5), np.random.default_rng(0)
    with pytest.raises(ConfigError, match=r"got the groups old and by=None; needed is the signal.*Set `by`"):
        FacilityLocation(Helps(), count=1, known=["old"]).select(pool, generator)
    with pytest.raises(
        ConfigError, match=r"may choose none of the 5 lessons: all belong to the groups old of 'source'"
    ):
        FacilityLocation(Helps(), count=1, by="source", known=["old"]).select(pool, generator)
    with pytest.raises(ConfigError, match=r"`known` or `target` names the unknown group 'exam'"):
        FacilityLocation(Helps(), count=1, by="source", target=["exam"]).select(pool, generator)
