"""Groups chosen for what was learnt from them so far: bandits."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.feedback import Feedback
from curricula.groups import Groups
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.mixtures.groups import draw_from_groups, present_shares
from curricula.mixtures.prefix import some_of
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError, DataError

__all__ = ["GroupBandit", "LearningProgress", "Thompson", "UpperConfidence"]


class GroupBandit(Mixture):
    """Chooses a group for every few lessons of an update by the figures heard of it, and draws evenly inside it."""

    hears = True
    by: str
    """Name of the signal of groups."""
    figure: str
    """Name of the figure by group that counts as reward."""
    choices: int
    """Groups chosen for one update."""

    @abstractmethod
    def choose(self, state: State, present: Positions, choices: int, generator: np.random.Generator) -> Positions:
        """Return the groups chosen, int64 [choices], out of those present."""

    def start(self, pool: Pool) -> State:
        """Return the state of groups of which nothing was heard."""
        groups = len(pool.groups(self.by))
        return {"heard": np.zeros(groups), "sum": np.zeros(groups)}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Add one observation for every group that was measured."""
        values = feedback.by_group(self.figure, pool.groups(self.by))
        seen = ~np.isnan(values)
        return {"heard": state["heard"] + seen, "sum": state["sum"] + np.where(seen, values, 0.0)}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Choose groups, then lessons of them."""
        if not self.choices >= 1:
            raise ConfigError(f"{type(self).__name__} got choices={self.choices}; at least 1 is needed.")
        groups, generator = pool.groups(self.by), moment.generator()
        present = pool.once((self, "present"), None, lambda: np.flatnonzero(groups.sizes))
        chosen = self.choose(state, present, min(self.choices, moment.count), generator)
        counts = np.zeros(len(groups), np.int64)
        np.add.at(counts, chosen, [len(part) for part in np.array_split(np.empty(moment.count), len(chosen))])
        drawn = [draw_inside(groups, group, counts, generator) for group in np.flatnonzero(counts).tolist()]
        return even_weights(generator.permutation(np.concatenate(drawn)))


def draw_inside(groups: Groups, group: int, counts: Positions, generator: np.random.Generator) -> Positions:
    """Draw a group's lessons evenly."""
    members = groups.members(group)
    return members[some_of(len(members), int(counts[group]), generator)]


class UpperConfidence(GroupBandit):
    """Chooses the group with the highest mean + width sqrt(2 ln(all heard) / heard): UCB1, as PAPRIKA uses it.

    PAPRIKA (Tajwar et al. 2025, arXiv:2502.17543) rewards a group with the coefficient of variation of the student's
    returns on its tasks, (1 + 1 / (4 n)) sigma / mu over n roll-outs: large where success is neither sure nor hopeless.
    A group never heard of comes first. Several choices in one update count one another as heard with the mean.

    Args:
        by: Name of the signal of groups.
        figure: Name of the figure by group in the student's feedback.
        width: alpha: how much the unknown draws.
        choices: Groups chosen for one update; its lessons are shared out among them.
    """

    def __init__(self, by: str, figure: str = "variation", width: float = 1.0, choices: int = 1) -> None:
        self.by = by
        self.figure = figure
        self.width = width
        self.choices = choices

    def choose(self, state: State, present: Positions, choices: int, generator: np.random.Generator) -> Positions:
        """Choose one after another."""
        heard, total = state["heard"][present].copy(), state["sum"][present]
        mean = np.divide(total, heard, out=np.zeros(len(present)), where=heard > 0)
        rank = generator.permutation(len(present))  # breaks ties
        chosen = np.empty(choices, np.int64)
        for k in range(choices):
            best = int(np.lexsort((rank, -upper_bounds(mean, heard, self.width)))[0])
            heard[best] += 1
            chosen[k] = present[best]
        return chosen


def upper_bounds(mean: Scores, heard: Scores, width: float) -> Scores:
    """Return mean + width sqrt(2 ln(all heard) / heard), infinite where nothing was heard.

    >>> upper_bounds(np.array([0.5, 0.2]), np.array([1.0, 0.0]), 1.0).tolist()
    [0.5, inf]
    """
    spread = np.full(len(heard), np.inf)
    np.divide(2 * np.log(max(1.0, heard.sum())), heard, out=spread, where=heard > 0)
    bounds: Scores = mean + width * np.sqrt(spread)
    return bounds


class Thompson(GroupBandit):
    """Chooses the group whose reward, drawn from what is believed of it, is highest.

    The belief is normal: before anything is heard N(prior_mean, spread^2), and every figure heard counts as one
    observation with standard deviation `spread`.

    Args:
        by: Name of the signal of groups.
        figure: Name of the figure by group in the student's feedback.
        prior_mean: The reward expected before anything is heard.
        spread: Standard deviation of one figure, above 0.
        choices: Groups chosen for one update; its lessons are shared out among them.
    """

    def __init__(
        self,
        by: str,
        figure: str = "variation",
        prior_mean: float = 0.5,
        spread: float = 0.5,
        choices: int = 4,
    ) -> None:
        self.by = by
        self.figure = figure
        self.prior_mean = prior_mean
        self.spread = spread
        self.choices = choices

    def choose(self, state: State, present: Positions, choices: int, generator: np.random.Generator) -> Positions:
        """Draw a reward for every group and choice."""
        if not self.spread > 0:
            raise ConfigError(f"Thompson got spread={self.spread}; allowed are numbers above 0. Correct `spread`.")
        weight = state["heard"][present] + 1  # the prior counts as one observation
        mean = (state["sum"][present] + self.prior_mean) / weight
        drawn = mean + self.spread / np.sqrt(weight) * generator.standard_normal((choices, len(present)))
        chosen: Positions = present[drawn.argmax(axis=1)]
        return chosen


class LearningProgress(Mixture):
    """Draws from groups in proportion to how fast their figure changes, up or down, times how interesting they are.

    LP = |fast - slow|, two running means of the figure: what is being learnt or forgotten differs in them, what is
    mastered or hopeless does not. OMNI (Zhang et al. 2023, arXiv:2306.01711) multiplies it by 1 where a language model
    finds a task interesting, else by 0.001; the means' rates are our reading.

    Args:
        by: Name of the signal of groups.
        figure: Name of the figure by group in the student's feedback, such as "accuracy".
        fast: Rate of the fast running mean, in (0, 1].
        slow: Rate of the slow running mean, in (0, 1].
        floor: Share of the draws that goes to all groups alike, so that each is heard of again, in [0, 1].
        interest: Name of a signal whose mean over a group multiplies its progress; None for none.
        start_with: "equal" shares or shares "proportional" to the lessons, until progress shows.
    """

    hears = True

    def __init__(
        self,
        by: str,
        figure: str = "accuracy",
        fast: float = 0.5,
        slow: float = 0.1,
        floor: float = 0.1,
        interest: str | None = None,
        start_with: Literal["equal", "proportional"] = "equal",
    ) -> None:
        self.by = by
        self.figure = figure
        self.fast = fast
        self.slow = slow
        self.floor = floor
        self.interest = interest
        self.start_with = start_with

    def start(self, pool: Pool) -> State:
        """Return the state of groups of which nothing was heard."""
        if not (0 < self.slow < self.fast <= 1 and 0 <= self.floor <= 1):
            raise ConfigError(
                f"LearningProgress got slow={self.slow}, fast={self.fast} and floor={self.floor}; allowed is "
                "0 < slow < fast <= 1, and a floor in [0, 1]. Correct them."
            )
        unknown = np.full(len(pool.groups(self.by)), np.nan)
        return {"fast": unknown, "slow": unknown}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Move both means of every group that was measured; the first figure sets both."""
        values = feedback.by_group(self.figure, pool.groups(self.by))
        moved = {}
        for name, rate in (("fast", self.fast), ("slow", self.slow)):
            old = np.where(np.isnan(state[name]), values, state[name])
            moved[name] = np.where(np.isnan(values), state[name], old + rate * (values - old))
        return moved

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw in proportion to progress."""
        groups = pool.groups(self.by)
        shares = self.shares(pool, groups, state)
        return even_weights(draw_from_groups(groups, shares, moment.count, moment.generator()))

    def shares(self, pool: Pool, groups: Groups, state: State) -> Scores:
        """Return each group's share, adding up to 1."""
        present = groups.sizes > 0
        even = present.astype(np.float64) if self.start_with == "equal" else groups.sizes.astype(np.float64)
        progress = np.where(present, np.nan_to_num(np.abs(state["fast"] - state["slow"])), 0.0)
        if self.interest is not None:
            values = pool.once((self, "interest"), None, lambda: self.interests(pool))
            sums = np.bincount(groups.codes, values, len(groups))
            progress *= np.divide(sums, groups.sizes, out=np.zeros(len(groups)), where=present)
        base = present_shares(groups, even, self.by)
        if not progress.sum() > 0:
            return base
        shares: Scores = self.floor * base + (1 - self.floor) * progress / progress.sum()
        return shares

    def interests(self, pool: Pool) -> Scores:
        """Return how interesting each lesson is, float64 [n].

        Raises:
            DataError: A value is missing or below 0.
        """
        values = pool.values(str(self.interest))
        wrong = ~(values >= 0)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"{self.interest!r} cannot say how interesting groups are: {wrong.sum()} of {len(values)} values are "
                f"missing or below 0, first {values[row]:g} for lesson {pool.ids[row]!r}. Every lesson needs a number "
                "from 0 up. Calibrate the signal, or leave those lessons out with curricula.Band."
            )
        return values
