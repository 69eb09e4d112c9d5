"""What every mixture is: which lessons come next, as a pure function of the moment and of the state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.feedback import Feedback
from curricula.pool import Pool
from curricula.state import State

__all__ = ["Draw", "Mixture", "Moment", "even_weights"]


UPDATE, PASS = 1, 2  # never 0: numpy pads seeds with zeros, so that [7, 3] and [7, 3, 0] are one seed


@dataclass(frozen=True)
class Moment:
    """One update of a run."""

    update: int
    """Its number, from 0."""
    updates: int
    """How many updates the run has."""
    count: int
    """Lessons of one update."""
    seed: int
    """The plan's seed."""

    @property
    def progress(self) -> float:
        """Updates made before this one, divided by all of them."""
        return self.update / self.updates

    def generator(self, part: int = 0) -> np.random.Generator:
        """Return this update's own generator: another update gets another, whatever was drawn before.

        Args:
            part: Another number for every part of a mixture that draws by itself.
        """
        return np.random.default_rng([self.seed, self.update, UPDATE, part])

    def pass_generator(self, number: int) -> np.random.Generator:
        """Return the generator of one pass through the lessons."""
        return np.random.default_rng([self.seed, number, PASS])


class Draw(NamedTuple):
    """The lessons of one update, over all ranks."""

    places: Positions
    """Places in the pool, int64 [count]."""
    weights: Scores
    """Factor of each lesson's loss, float64 [count]."""
    stage: int = 0
    """Number of the stage, never falling during a run."""
    views: Positions | None = None
    """In which of the rendering's views each lesson is shown, from 0, int64 [count]; None where nothing chooses."""


class Mixture(ABC):
    """Chooses the lessons of every update.

    It holds settings only. What changes lies in a state, and the state changes only with feedback: the same seed,
    update and state always give the same lessons, so that a run can go on from any update without replaying it.
    """

    hears: bool = False
    """Whether it changes with the student's feedback; if not, the whole plan can be written down beforehand."""
    follows_order: bool = False
    """Whether it draws along the order that the lessons were put in; if not, that order plays no part."""

    @abstractmethod
    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Return the lessons of one update."""

    def start(self, pool: Pool) -> State:
        """Return the state before the first update."""
        return {}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Return the state after some feedback."""
        return state


def even_weights(places: Positions, stage: int = 0) -> Draw:
    """Return a draw in which every lesson counts the same."""
    return Draw(places, np.ones(len(places)), stage)
