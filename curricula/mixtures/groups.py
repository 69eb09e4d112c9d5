"""Groups in given proportions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.groups import Groups
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.mixtures.prefix import some_of
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError, DataError

__all__ = ["GroupMixture", "GroupStages", "draw_from_groups", "draw_spans", "present_shares", "share_out"]


class GroupMixture(Mixture):
    """Draws from groups in fixed proportions, evenly inside a group.

    The share of group g is proportional to min(w_g, most)^(1 / temperature).

    Args:
        by: Name of the signal of groups.
        weights: The weight of each group by its name; "proportional" to its lessons, or "equal".
        temperature: 1 takes the weights as they are, larger evens them out; above 0.
        most: Cap on a weight before the temperature: with "proportional", no group counts as having more lessons
            (the examples-proportional mixing of T5 and FLAN); None for no cap.
    """

    def __init__(
        self,
        by: str,
        weights: Mapping[str, float] | Literal["proportional", "equal"] = "proportional",
        temperature: float = 1.0,
        most: float | None = None,
    ) -> None:
        self.by = by
        self.weights = weights
        self.temperature = temperature
        self.most = most

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw."""
        groups = pool.groups(self.by)
        shares = pool.once((self, "shares"), None, lambda: self.shares(groups))
        return even_weights(draw_from_groups(groups, shares, moment.count, moment.generator()))

    def shares(self, groups: Groups) -> Scores:
        """Return each group's share, adding up to 1, float64 [groups]."""
        if not self.temperature > 0 or (self.most is not None and not self.most > 0):
            raise ConfigError(
                f"GroupMixture got temperature={self.temperature} and most={self.most}; both must be above 0. "
                "Correct them."
            )
        if isinstance(self.weights, str) and self.weights not in ("proportional", "equal"):
            raise ConfigError(
                f"GroupMixture got weights={self.weights!r}; allowed are 'proportional', 'equal', or a weight for each "
                "group. Correct `weights`."
            )
        if self.weights == "equal":
            weights = (groups.sizes > 0).astype(np.float64)
        elif self.weights == "proportional":
            weights = groups.sizes.astype(np.float64)
        else:
            weights = groups.vector(self.weights, "GroupMixture's `weights`", default=0.0)
        capped = weights if self.most is None else np.minimum(weights, self.most)
        return present_shares(groups, np.where(capped > 0, capped, 0.0) ** (1 / self.temperature), self.by)


class GroupStages(Mixture):
    """Stages of equal length, each with groups of its own, drawn from evenly or by their sizes.

    Sequential stages hold one group each; cumulative ones also all before it: the mixed curriculum (Bhasin et al. 2024,
    arXiv:2404.03558) and the incremental one of small code models (2024, arXiv:2407.10194). `carry` keeps a share of
    earlier groups in a later stage: dual-stage mixed fine-tuning (Dong et al. 2023, arXiv:2310.05492).

    Args:
        by: Name of the signal of groups.
        stages: The groups of each stage; None gives every group a stage, in the order listed.
        cumulative: Whether a stage also draws from the groups of the stages before.
        carry: Share of a stage's lessons that come from the stages before, in [0, 1); for stages that do not cumulate.
        starts: When each stage but the first begins, as shares of the run; None for stages of equal length.
        each: "group" draws each group of a stage equally often, "lesson" each lesson.
    """

    def __init__(
        self,
        by: str,
        stages: Sequence[Sequence[str]] | None = None,
        cumulative: bool = False,
        carry: float = 0.0,
        starts: Sequence[float] | None = None,
        each: Literal["group", "lesson"] = "group",
    ) -> None:
        self.by = by
        self.stages = stages
        self.cumulative = cumulative
        self.carry = carry
        self.starts = starts
        self.each = each

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw from the stage's groups."""
        groups = pool.groups(self.by)
        table = pool.once((self, "table"), None, lambda: self.table(groups))
        starts = [k / len(table) for k in range(1, len(table))] if self.starts is None else self.starts
        if len(starts) != len(table) - 1:
            raise ConfigError(
                f"GroupStages got {len(starts)} starts for {len(table)} stages; there must be one fewer than stages. "
                "Correct `starts`."
            )
        stage = sum(moment.progress >= start for start in starts)
        return even_weights(draw_from_groups(groups, table[stage], moment.count, moment.generator()), stage)

    def table(self, groups: Groups) -> list[Scores]:
        """Return each stage's shares of the groups."""
        if not 0 <= self.carry < 1 or (self.cumulative and self.carry) or self.each not in ("group", "lesson"):
            raise ConfigError(
                f"GroupStages got carry={self.carry}, cumulative={self.cumulative} and each={self.each!r}; the carry "
                "must be at least 0, below 1, and 0 if the stages cumulate; each is 'group' or 'lesson'. Correct them."
            )
        stages = self.stages or [[label] for label in groups.labels]
        weight = np.ones(len(groups)) if self.each == "group" else groups.sizes.astype(np.float64)
        table, before = [], np.zeros(len(groups))
        for names in stages:
            now = groups.vector(dict.fromkeys(names, 1.0), "GroupStages' `stages`", default=0.0) * weight
            shares = present_shares(groups, now + (before if self.cumulative else 0.0), self.by)
            if self.carry and before.any():
                shares = (1 - self.carry) * shares + self.carry * present_shares(groups, before, self.by)
            table.append(shares)
            before = np.maximum(before, now)
        return table


def present_shares(groups: Groups, weights: Scores, by: str) -> Scores:
    """Return weights as shares that add up to 1.

    Raises:
        DataError: A group with a weight above 0 has no lessons, or none has a weight.
    """
    empty = np.flatnonzero((weights > 0) & (groups.sizes == 0))
    if len(empty) or not weights.sum() > 0:
        what = (
            f"the group {groups.labels[empty[0]]!r} has no lessons" if len(empty) else "no group has a weight above 0"
        )
        raise DataError(
            f"Cannot draw from the groups of {by!r}: {what}. Groups with lessons: "
            f"{', '.join(label for label, size in zip(groups.labels, groups.sizes, strict=True) if size)}. "
            "Give weight to these only, or keep lessons of that group."
        )
    shares: Scores = weights / weights.sum()
    return shares


def share_out(shares: Scores, count: int, generator: np.random.Generator) -> Positions:
    """Return how many of `count` each group gets: its share, rounded up or down at random, int64 [groups].

    On average it is the share itself, and never a whole lesson off: systematic sampling, one random number for all.
    """
    edges = np.concatenate([[0.0], np.cumsum(shares)]) * (count / shares.sum())
    edges[-1] = count
    cuts = np.ceil(edges - generator.random()).astype(np.int64)
    cuts[0], cuts[-1] = 0, count
    counts: Positions = np.diff(cuts)
    return counts


def draw_from_groups(groups: Groups, shares: Scores, count: int, generator: np.random.Generator) -> Positions:
    """Draw lessons of groups in these shares, evenly inside each, in random order, int64 [count]."""
    counts = share_out(shares, count, generator)
    return generator.permutation(groups.by_group[draw_spans(groups.starts[:-1], groups.sizes, counts, generator)])


def draw_spans(starts: Positions, sizes: Positions, counts: Positions, generator: np.random.Generator) -> Positions:
    """Draw from spans of a sequence, evenly inside each and without repeats as far as it goes.

    Args:
        starts: Where each span begins, [spans].
        sizes: How long it is, above 0 where something is drawn from it, [spans].
        counts: How many to draw from it, [spans].
        generator: Draws.

    Returns:
        Places in the sequence, int64 [sum of the counts].
    """
    few = counts * 8 > sizes  # so much of a span that it is gone through rather than drawn from
    pieces = [
        starts[span] + some_of(int(sizes[span]), int(counts[span]), generator)
        for span in np.flatnonzero(few & (counts > 0)).tolist()
    ]
    wide = np.repeat(np.arange(len(starts)), np.where(few, 0, counts))
    return np.concatenate([*pieces, spread(starts[wide], sizes[wide], generator)])


def spread(starts: Positions, sizes: Positions, generator: np.random.Generator) -> Positions:
    """Draw a different place in every span, all at once; spans that are named more than once are large."""
    places = starts + (generator.random(len(starts)) * sizes).astype(np.int64)
    while True:
        _, first = np.unique(places, return_index=True)
        if len(first) == len(places):
            return places
        again = np.ones(len(places), bool)
        again[first] = False
        places[again] = starts[again] + (generator.random(int(again.sum())) * sizes[again]).astype(np.int64)
