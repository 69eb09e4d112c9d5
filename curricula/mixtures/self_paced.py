"""A growing pool whose order follows the student: what is easy for it now comes first."""

from __future__ import annotations

import math

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.feedback import Feedback
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.mixtures.groups import draw_spans, share_out
from curricula.mixtures.prefix import some_of
from curricula.pacing.base import Pacing
from curricula.pool import Pool, Same
from curricula.ranks import average_ranks
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["SelfPaced"]


class SelfPaced(Mixture):
    """Draws from the lessons that are easiest by now: the plan's order, corrected by what is heard of the student.

    A lesson's difficulty is (1 - heard_weight) r_plan + heard_weight r_heard, two ranks in (0, 1]: its place in the
    plan's order, and the rank of the figure last heard of it (until something is heard, its place alone). A pacing says
    how large a share, easiest first, is open; with `balance`, rare groups get more than their size, in proportion to
    size^(1 - balance_power). It is a curriculum after SPDCL (2022, arXiv:2210.14724 unchecked), which measures anew in
    every phase how hard lessons are, orders and resamples; the mix, the ranks and the pace are our reading. With
    heard_weight 1 and a loss it is self-paced learning by one's own loss. After every feedback all lessons are put in
    order anew (measured: 0.4 s for a million), so it is meant for phases that measure all of them, not for every few
    updates.

    Args:
        pacing: Which share of the lessons is open.
        figure: Name of the figure by lesson in the student's feedback; larger is harder.
        heard_weight: Weight of what is heard, in [0, 1].
        balance: Name of a signal of groups, such as classes; None draws evenly from what is open.
        balance_power: From 0 (by size) to 1 (the groups that are open equally often).
    """

    hears = True
    follows_order = True

    def __init__(
        self,
        pacing: Pacing,
        figure: str = "loss",
        heard_weight: float = 0.5,
        balance: str | None = None,
        balance_power: float = 1.0,
    ) -> None:
        self.pacing = pacing
        self.figure = figure
        self.heard_weight = heard_weight
        self.balance = balance
        self.balance_power = balance_power

    def start(self, pool: Pool) -> State:
        """Return the state of lessons of which nothing was heard.

        Raises:
            ConfigError: The settings are outside their range.
        """
        if not (0 <= self.heard_weight <= 1 and 0 <= self.balance_power <= 1):
            raise ConfigError(
                f"SelfPaced got heard_weight={self.heard_weight} and balance_power={self.balance_power}; allowed are "
                "numbers from 0 to 1. Correct them."
            )
        return {"pacing": self.pacing.start(pool.round_number), "figures": np.full(len(pool), np.nan)}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Take in the figures, and tell the pacing.

        Raises:
            ConfigError: The figure was not measured.
        """
        figures, measured = state["figures"].copy(), feedback.by_lesson(self.figure)
        figures[measured.places] = measured.values
        return {"pacing": self.pacing.hear(state["pacing"], feedback), "figures": figures}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw from the open part, without repeats in one update as far as it goes."""
        figures: Scores = state["figures"]
        order = pool.once((self, "order"), Same(figures), lambda: self.order(pool, figures))
        opened = max(1, math.ceil(self.pacing.share(moment.progress, state["pacing"]) * len(pool)))
        stage, generator = self.pacing.stage(moment.progress, state["pacing"]), moment.generator()
        if self.balance is None:
            return even_weights(order[some_of(opened, moment.count, generator)], stage)
        keys = pool.once((self, "keys"), Same(figures), lambda: by_group_and_rank(pool, order, self.balance or ""))
        return even_weights(order[self.balanced(keys, opened, moment.count, generator)], stage)

    def order(self, pool: Pool, figures: Scores) -> Positions:
        """Return the places from easy to hard, the earlier in the plan of equals first, int64 [n]."""
        size = len(pool)
        difficulty = np.empty(size)
        difficulty[pool.order] = np.arange(1, size + 1) / size
        known = ~np.isnan(figures)
        if known.any():
            heard = average_ranks(figures[known]) / known.sum()
            difficulty[known] = (1 - self.heard_weight) * difficulty[known] + self.heard_weight * heard
        return pool.order[np.argsort(difficulty[pool.order], kind="stable")]

    def balanced(self, keys: Positions, opened: int, count: int, generator: np.random.Generator) -> Positions:
        """Return the ranks drawn when rare groups get more, int64 [count].

        Args:
            keys: group * n + rank of every lesson, rising, int64 [n].
            opened: Ranks below this are open.
            count: How many to draw.
            generator: Draws.
        """
        size = len(keys)
        groups = np.arange(keys[-1] // size + 1)
        starts, ends = np.searchsorted(keys, groups * size), np.searchsorted(keys, groups * size + opened)
        sizes = ends - starts
        weights = np.where(sizes > 0, np.maximum(sizes, 1.0) ** (1 - self.balance_power), 0.0)
        counts = share_out(weights / weights.sum(), count, generator)
        return generator.permutation(keys[draw_spans(starts, sizes, counts, generator)] % size)


def by_group_and_rank(pool: Pool, order: Positions, by: str) -> Positions:
    """Return group * n + rank of every lesson, rising: each group's ranks lie together, int64 [n]."""
    return np.sort(pool.groups(by).codes[order] * len(order) + np.arange(len(order)))
