"""A growing pool: the easiest lessons first, then more and more of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from curricula.arrays import Positions
from curricula.feedback import Feedback
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.pacing.base import Pacing
from curricula.pool import Pool
from curricula.state import State

__all__ = ["PrefixPool", "some_of"]


class PrefixPool(Mixture):
    """Draws evenly from the first part of the plan's order; a pacing says how large that part is.

    With EasyFirst and RootPacing this is competence-based learning (Platanios et al. 2019, arXiv:1903.09848): a batch
    is drawn evenly from the lessons whose rank in [0, 1] is at most the competence c(t). With Shuffled it is that
    method's control: the same growth, in no order.

    Args:
        pacing: Which share of the order is open.
        window: Draw only from this share of the order, the last that was opened, so that the easiest drop out again;
            None keeps all that was opened.
    """

    follows_order = True

    def __init__(self, pacing: Pacing, window: float | None = None) -> None:
        self.pacing = pacing
        self.window = window

    @property
    def hears(self) -> bool:  # type: ignore[override]
        """Whether the pacing hears."""
        return self.pacing.hears

    def start(self, pool: Pool) -> State:
        """Return the pacing's first state."""
        return self.pacing.start(pool.round_number)

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Tell the pacing."""
        return self.pacing.hear(state, feedback)

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw from the open part, without repeats in one update as far as it goes."""
        opened = max(1, math.ceil(self.pacing.share(moment.progress, state) * len(pool)))
        closed = 0 if self.window is None else max(0, opened - max(1, round(self.window * len(pool))))
        ranks = closed + some_of(opened - closed, moment.count, moment.generator())
        return even_weights(pool.order[ranks], self.pacing.stage(moment.progress, state))


def some_of(size: int, count: int, generator: np.random.Generator) -> Positions:
    """Return `count` of 0 ... size-1 in random order, each equally often or once more than another, int64 [count].

    It costs O(count), not O(size), where there are many to choose from: repeats are drawn anew (a tenth of the time of
    numpy's own choice for an update of 16).
    """
    if count * 8 <= size:
        return distinct(lambda more: generator.integers(0, size, more), count)
    if count <= size:
        return generator.choice(size, count, replace=False)
    whole = [generator.permutation(size) for _ in range(count // size)]
    return np.concatenate([*whole, generator.choice(size, count % size, replace=False)])


def distinct(draw: Callable[[int], Positions], count: int) -> Positions:
    """Return `count` different numbers in the order in which `draw` gives them, those that came before left out."""
    drawn = draw(count)
    while True:
        _, first = np.unique(drawn, return_index=True)
        if len(first) == count:
            return drawn
        drawn = np.concatenate([drawn[np.sort(first)], draw(count - len(first))])
