"""A bell over the ranks that follows the student."""

from __future__ import annotations

import math

import numpy as np

from curricula.arrays import Positions
from curricula.feedback import Feedback
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.pacing.base import Pacing
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["GaussianRank", "SlidingBell", "ranks_around"]


class GaussianRank(Mixture):
    """Draws ranks of the plan's order around a centre that moves on as the student gets better: GAIN-RL.

    p(rank) is proportional to exp(-(rank - mu)^2 / (2 sigma^2)), without repeats in an update, and with every feedback
    mu <- mu + clamp(n/2 tanh(a (accuracy - b)) + n/2 tanh(a angle), 0, most) (Wang et al. 2025, arXiv:2506.02281; there
    a = 2, b = 0.5, n is 500 to 1000, most 1000, and the order is by the concentration of the angles between hidden
    states, highest first). mu never moves back; the angle part is optional here.

    Args:
        width: sigma: standard deviation of the bell, in ranks, above 0.
        step: n: how far mu moves at most with one feedback, in ranks.
        sensitivity: a.
        goal: b: the accuracy at which mu begins to move.
        accuracy: Name of the figure that counts as accuracy, in [0, 1].
        angle: Name of the figure that counts as angle concentration; None leaves its part out.
        most: Greatest move with one feedback, in ranks.
        start_at: mu at the start, in ranks.
    """

    hears = True
    follows_order = True

    def __init__(
        self,
        width: float = 1000.0,
        step: float = 500.0,
        sensitivity: float = 2.0,
        goal: float = 0.5,
        accuracy: str = "accuracy",
        angle: str | None = None,
        most: float = 1000.0,
        start_at: float = 0.0,
    ) -> None:
        self.width = width
        self.step = step
        self.sensitivity = sensitivity
        self.goal = goal
        self.accuracy = accuracy
        self.angle = angle
        self.most = most
        self.start_at = start_at

    def start(self, pool: Pool) -> State:
        """Return the first centre."""
        if not self.width > 0:
            raise ConfigError(f"GaussianRank got width={self.width}; allowed are numbers above 0. Correct `width`.")
        return {"centre": float(self.start_at)}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Move the centre on, to the last rank at most."""
        move = self.step / 2 * math.tanh(self.sensitivity * (feedback.metric(self.accuracy) - self.goal))
        if self.angle is not None:
            move += self.step / 2 * math.tanh(self.sensitivity * feedback.metric(self.angle))
        return {"centre": min(len(pool) - 1.0, state["centre"] + min(max(move, 0.0), self.most))}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw around the centre."""
        ranks = ranks_around(state["centre"], self.width, len(pool), moment.count, moment.generator())
        return even_weights(pool.order[ranks])


class SlidingBell(Mixture):
    """Draws ranks of the plan's order around a centre that a pacing moves.

    Args:
        pacing: Where the centre is, as a share of the order.
        width: Standard deviation of the bell, as a share of the order, above 0.
    """

    follows_order = True

    def __init__(self, pacing: Pacing, width: float = 0.1) -> None:
        self.pacing = pacing
        self.width = width

    @property
    def hears(self) -> bool:  # type: ignore[override]
        """Whether the pacing hears."""
        return self.pacing.hears

    def start(self, pool: Pool) -> State:
        """Return the pacing's first state."""
        if not self.width > 0:
            raise ConfigError(f"SlidingBell got width={self.width}; allowed are numbers above 0. Correct `width`.")
        return self.pacing.start(pool.round_number)

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Tell the pacing."""
        return self.pacing.hear(state, feedback)

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw around the centre."""
        centre = self.pacing.share(moment.progress, state) * (len(pool) - 1)
        ranks = ranks_around(centre, self.width * len(pool), len(pool), moment.count, moment.generator())
        return even_weights(pool.order[ranks], self.pacing.stage(moment.progress, state))


def ranks_around(centre: float, width: float, size: int, count: int, generator: np.random.Generator) -> Positions:
    """Draw different ranks of 0 ... size-1 with p proportional to exp(-(rank - centre)^2 / (2 width^2)).

    What falls outside or was drawn before is drawn anew, which is drawing without repeats. Where most of the bell is
    asked for, or it lies outside, all ranks get a random key at once (the Gumbel trick). Repeats only for count > size.
    """
    drawn = np.empty(0, np.int64)
    for _ in range(32):
        more = np.rint(generator.normal(centre, width, 2 * (count - len(drawn)) + 4)).astype(np.int64)
        joined = np.concatenate([drawn, more[(more >= 0) & (more < size)]])
        _, first = np.unique(joined, return_index=True)
        drawn = joined[np.sort(first)][:count]
        if len(drawn) == count:
            return drawn
    keys = generator.gumbel(size=size) - (np.arange(size) - centre) ** 2 / (2 * width**2)
    best = np.argsort(-keys, kind="stable").astype(np.int64)
    return np.resize(best, count)
