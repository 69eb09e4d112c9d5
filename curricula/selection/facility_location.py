"""Lessons that stand for all the others, for what is wanted, or for what is not stood for yet."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions
from curricula.pool import Pool
from curricula.selection.base import KEPT, Selection, Selector, wanted_count
from curricula.selection.relation import Links, Relation
from lessons.errors import ConfigError

__all__ = ["FacilityLocation", "lazy_greedy"]


class FacilityLocation(Selector):
    """Keeps lessons so that every lesson has one like it among them.

    It maximises f(S) = sum over i of max over j in S of s_ij, s_ij being how well lesson j stands for lesson i, by
    taking the lesson that adds most, again and again: at least 63% of the best possible (Nemhauser, Wolsey, Fisher
    1978). Since what a lesson adds can only fall, most are never looked at twice (Minoux 1978).

    With `known`, it is the conditional gain f(S + P) - f(P): what the lessons P, learnt before, stand for counts no
    more. With `target`, only the lessons Q of those groups want somebody to stand for them. DELIFT takes the first
    to go on learning and a relative of the second, a mutual information, to learn for a task (Agarwal et al. 2024,
    arXiv:2411.04425; our reading leaves out its second term, the likeness of what is chosen to Q).

    Args:
        relation: Which lessons stand for which: their likeness, or how much one helps with another.
        share: Share of the lessons to keep, in (0, 1], of those that may be chosen; or give `count`.
        count: Number of lessons to keep.
        by: Name of a signal of groups, for `known` and `target`.
        known: Groups whose lessons were learnt before; they stand for others and are left out.
        target: Groups whose lessons are to be stood for, in place of all; they are left out.
    """

    def __init__(
        self,
        relation: Relation,
        share: float | None = None,
        count: int | None = None,
        by: str | None = None,
        known: Sequence[str] = (),
        target: Sequence[str] = (),
    ) -> None:
        self.relation = relation
        self.share = share
        self.count = count
        self.by = by
        self.known = known
        self.target = target

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Choose greedily; ties go to the earlier lesson.

        Raises:
            ConfigError: Groups are named but not by which signal, a name is unknown, or no lesson may be chosen.
        """
        known, target = self.marked(pool, self.known), self.marked(pool, self.target)
        free = np.flatnonzero(~(known | target))
        if not len(free):
            raise ConfigError(
                f"FacilityLocation may choose none of the {len(pool)} lessons: all belong to the groups "
                f"{', '.join([*self.known, *self.target])} of {self.by!r}. At least one lesson must belong to another. "
                "Name fewer groups."
            )
        count = wanted_count(self, self.share, self.count, len(free))
        links = self.relation.links(pool)
        if self.target:
            wanted = target[links.covered]
            links = Links(links.covered[wanted], links.by[wanted], links.worth[wanted])
        reason = np.where(target, 2, np.where(known, 1, 0)).astype(np.int16)
        reason[lazy_greedy(links, len(pool), count, free, np.flatnonzero(known))] = KEPT
        return Selection(reason, ("others stand for it", "learnt before", "others shall stand for it"))

    def marked(self, pool: Pool, names: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return which lessons belong to some groups, [n]."""
        if not names:
            return np.zeros(len(pool), bool)
        if self.by is None:
            raise ConfigError(
                f"FacilityLocation got the groups {', '.join(names)} and by=None; needed is the signal that has them. "
                "Set `by` to its name."
            )
        groups = pool.groups(self.by)
        of_group = groups.vector(dict.fromkeys(names, 1.0), "FacilityLocation's `known` or `target`", default=0.0)
        found: npt.NDArray[np.bool_] = of_group[groups.codes] > 0
        return found


def lazy_greedy(
    links: Links, size: int, count: int, candidates: Positions | None = None, given: Positions | None = None
) -> Positions:
    """Return `count` places in the order in which they add most, the earlier of equals first, int64 [count].

    Args:
        links: How well lessons stand for others.
        size: Number of lessons.
        count: How many to choose.
        candidates: Places to choose from; None for all.
        given: Places chosen before.
    """
    by_candidate = np.argsort(links.by, kind="stable")
    covered, worth = links.covered[by_candidate], links.worth[by_candidate]
    starts = np.searchsorted(links.by[by_candidate], np.arange(size + 1)).tolist()
    best = np.zeros(size)  # how well each lesson is stood for by now

    def gain(place: int) -> float:
        span = slice(starts[place], starts[place + 1])
        return float(np.maximum(worth[span] - best[covered[span]], 0.0).sum())

    def choose(place: int) -> None:
        span = slice(starts[place], starts[place + 1])
        best[covered[span]] = np.maximum(best[covered[span]], worth[span])

    for place in [] if given is None else given.tolist():
        choose(place)
    heap = [(-gain(place), place) for place in (range(size) if candidates is None else candidates.tolist())]
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
        choose(place)
    return chosen
