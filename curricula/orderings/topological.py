"""What comes before what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import numpy as np

from curricula.arrays import Scores
from curricula.groups import Groups
from curricula.orderings.base import Ordering
from curricula.orderings.blocks import Blocks
from curricula.pool import Pool
from lessons.errors import ConfigError

__all__ = ["Topological"]


class Topological(Blocks):
    """Groups one after another, each after those that it builds upon; groups that are free to come are so as listed.

    Args:
        by: Name of the signal of groups.
        prerequisites: For a group, the groups that must come before it. Groups not named build upon none.
        inner: How the lessons of one group are ordered.
    """

    def __init__(self, by: str, prerequisites: Mapping[str, Sequence[str]], inner: Ordering) -> None:
        self.by = by
        self.prerequisites = prerequisites
        self.inner = inner

    def sequence(self, pool: Pool, groups: Groups, scores: Scores, generator: np.random.Generator) -> list[int]:
        """Sort the graph.

        Raises:
            ConfigError: A name is not a group's, or groups build upon one another in a circle.
        """
        named = {name for pair in self.prerequisites.items() for name in (pair[0], *pair[1])}
        groups.vector(dict.fromkeys(sorted(named), 1.0), "Topological's `prerequisites`", default=0.0)
        number = {label: code for code, label in enumerate(groups.labels)}
        graph = {number[name]: [number[other] for other in before] for name, before in self.prerequisites.items()}
        sorter = TopologicalSorter({code: graph.get(code, []) for code in range(len(groups))})
        try:
            sorter.prepare()
        except CycleError as error:
            circle = " before ".join(repr(groups.labels[code]) for code in error.args[1])
            raise ConfigError(
                f"The prerequisites of {self.by!r} go in a circle: {circle}. No group may come before itself, not even "
                "by way of others. Remove one of these from `prerequisites`."
            ) from error
        sequence: list[int] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            sequence += ready
            sorter.done(*ready)
        return sequence
