"""Lessons that stand for all the others."""

from __future__ import annotations

import heapq

import numpy as np

from curricula.arrays import Positions
from curricula.pool import Pool
from curricula.selection.base import Selection, Selector, wanted_count
from curricula.selection.relation import Links, Relation

__all__ = ["FacilityLocation", "lazy_greedy"]


class FacilityLocation(Selector):
    """Keeps lessons so that every lesson has one like it among them.

    It maximises f(S) = sum over i of max over j in S of s_ij, s_ij being how well lesson j stands for lesson i, by
    taking the lesson that adds most, again and again: at least 63% of the best possible (Nemhauser, Wolsey, Fisher
    1978). Since what a lesson adds can only fall, most are never looked at twice (Minoux 1978).

    Args:
        relation: Which lessons stand for which: their likeness, or how much one helps with another
            (DELIFT, Agarwal et al. 2024, arXiv:2411.04425).
        share: Share of the lessons to keep, in (0, 1]; or give `count`.
        count: Number of lessons to keep.
    """

    def __init__(self, relation: Relation, share: float | None = None, count: int | None = None) -> None:
        self.relation = relation
        self.share = share
        self.count = count

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Choose greedily; ties go to the earlier lesson."""
        count = wanted_count(self, self.share, self.count, len(pool))
        return Selection.keeping(
            lazy_greedy(self.relation.links(pool), len(pool), count), len(pool), "others stand for it"
        )


def lazy_greedy(links: Links, size: int, count: int) -> Positions:
    """Return `count` places in the order in which they add most, the earlier of equals first, int64 [count].

    Args:
        links: How well lessons stand for others.
        size: Number of lessons.
        count: How many to choose.
    """
    by_candidate = np.argsort(links.by, kind="stable")
    covered, worth = links.covered[by_candidate], links.worth[by_candidate]
    starts = np.searchsorted(links.by[by_candidate], np.arange(size + 1)).tolist()
    best = np.zeros(size)  # how well each lesson is stood for by now

    def gain(place: int) -> float:
        span = slice(starts[place], starts[place + 1])
        return float(np.maximum(worth[span] - best[covered[span]], 0.0).sum())

    heap = [(-gain(place), place) for place in range(size)]
    heapq.heapify(heap)
    chosen = np.empty(count, np.int64)
    for number in range(count):
        while True:
            _, place = heapq.heappop(heap)
            entry = (-gain(place), place)
            if not heap or entry <= heap[0]:  # the others' old gains are bounds: they can only have fallen
                break
            heapq.heappush(heap, entry)
        chosen[number] = place
        span = slice(starts[place], starts[place + 1])
        best[covered[span]] = np.maximum(best[covered[span]], worth[span])
    return chosen
