"""Group after group."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.groups import Groups
from curricula.orderings.base import Arrangement, GroupedOrdering, Ordering
from curricula.pool import Pool
from lessons.errors import ConfigError, DataError

__all__ = ["Blocked", "Blocks"]


class Blocks(GroupedOrdering):
    """Learns one group after another, each in an inner order; a kind of it says in which order the groups come."""

    by: str
    """Name of the signal of groups."""
    inner: Ordering
    """How the lessons of one group are ordered."""

    @property
    def needs_scores(self) -> bool:  # type: ignore[override]
        """Whether the inner order needs scores."""
        return self.inner.needs_scores

    @abstractmethod
    def sequence(self, pool: Pool, groups: Groups, scores: Scores, generator: np.random.Generator) -> list[int]:
        """Return the groups' numbers in the order in which they come, each once; empty groups may be left out."""

    def arrange(self, pool: Pool, scores: Scores, generator: np.random.Generator) -> Arrangement:
        """Order the groups, then the lessons of each; every block makes a stage, or more where the inner order does."""
        groups = pool.groups(self.by)
        blocks: list[Positions] = []
        stages: list[Positions] = []
        first = 0
        for group in self.sequence(pool, groups, scores, generator):
            members = groups.members(group)
            if len(members):
                inside = self.inner.arrange(pool.subset(members), scores[members], generator)
                blocks.append(members[inside.order])
                stages.append(inside.stage + first)
                first = int(stages[-1][-1]) + 1
        return Arrangement(np.concatenate(blocks), np.concatenate(stages))


class Blocked(Blocks):
    """Groups one after another: topic after topic, grade after grade, stage after stage.

    Inner orders nest: Blocked(grade, Interleaved(topic)) is the global interleaving of CORGI (Lee et al. 2023,
    arXiv:2310.09518): all topics at the lowest grade, mixed, then at the next.

    Args:
        by: Name of the signal of groups.
        inner: How the lessons of one group are ordered.
        groups: Which group comes first: "listed" in the order of the names, or from low to high numbers; "shuffled" in
            another random order in every pass; "easy_first" by the mean of the scores that the plan is ordered by.
        sequence_of: The groups' names in the order wanted, in place of `groups`; all must be named.
    """

    def __init__(
        self,
        by: str,
        inner: Ordering,
        groups: Literal["listed", "shuffled", "easy_first"] = "listed",
        sequence_of: list[str] | None = None,
    ) -> None:
        self.by = by
        self.inner = inner
        self.groups = groups
        self.sequence_of = sequence_of

    @property
    def needs_scores(self) -> bool:  # type: ignore[override]
        """Whether the inner order needs scores, or the groups are ordered by them."""
        return self.inner.needs_scores or (self.sequence_of is None and self.groups == "easy_first")

    def sequence(self, pool: Pool, groups: Groups, scores: Scores, generator: np.random.Generator) -> list[int]:
        """Return the groups as set."""
        if self.sequence_of is not None:
            ranks = {label: float(number) for number, label in enumerate(self.sequence_of)}
            return [int(group) for group in np.argsort(groups.vector(ranks, "Blocked's `sequence_of`"), kind="stable")]
        if self.groups == "listed":
            return list(range(len(groups)))
        if self.groups == "shuffled":
            return [int(group) for group in generator.permutation(len(groups))]
        if self.groups == "easy_first":
            return easy_groups(groups, scores)
        raise ConfigError(
            f"Blocked got groups={self.groups!r}; allowed are 'listed', 'shuffled' and 'easy_first'. Correct `groups`."
        )


def easy_groups(groups: Groups, scores: Scores) -> list[int]:
    """Return the groups that have lessons, by the mean of their lessons' scores from low to high."""
    known = ~np.isnan(scores)
    counts = np.bincount(groups.codes[known], minlength=len(groups))
    empty = np.flatnonzero((counts == 0) & (groups.sizes > 0))
    if len(empty):
        raise DataError(
            f"the group {groups.labels[empty[0]]!r} cannot be placed: none of its {groups.sizes[empty[0]]} lessons has "
            "a score. At least one score a group is needed; list the groups with `sequence_of`, or leave it out."
        )
    present = np.flatnonzero(counts)
    sums = np.bincount(groups.codes[known], scores[known], len(groups))
    means = sums[present] / counts[present]
    return [int(group) for group in present[np.argsort(means, kind="stable")]]
