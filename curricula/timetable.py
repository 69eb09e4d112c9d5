"""Which lessons come at which update: one interface for plans that are written down and plans that are computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from curricula.arrays import Positions, Scores
from curricula.feedback import Feedback
from curricula.mixtures.base import Draw, Mixture, Moment
from curricula.pool import Pool
from curricula.state import State, pack, unpack
from lessons.errors import CheckpointMismatch, ConfigError

__all__ = ["Planned", "Procedural", "Timetable"]


class Timetable(ABC):
    """Gives the lessons of every update, as positions in the lesson set, with their weights.

    A draw is a pure function of the seed, the update and the state; only `hear` changes the state. Several processes
    each take every `world_size`-th lesson of the update's one global list, so their union never depends on their
    number.
    """

    hears: bool = False
    """Whether it changes with the student's feedback."""

    @property
    @abstractmethod
    def updates(self) -> int:
        """Number of updates in the run."""

    @abstractmethod
    def draw(self, update: int) -> Draw:
        """Return the lessons of one update over all ranks, `places` being positions in the lesson set."""

    def share(self, update: int, rank: int, world_size: int) -> Draw:
        """Return one rank's lessons of an update."""
        whole, mine = self.draw(update), slice(rank, None, world_size)
        views = None if whole.views is None else whole.views[mine]
        return Draw(whole.places[mine], whole.weights[mine], whole.stage, views)

    def hear(self, feedback: Feedback) -> None:  # noqa: B027  # most plans have nothing to hear or to save
        """Take in some feedback; a plan that does not hear ignores it."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as JSON values, for the checkpoint."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Go on from a saved state."""


@dataclass(frozen=True, eq=False)
class Planned(Timetable):
    """A plan that is written down: update k is its entries from k * lessons_per_update on."""

    positions: Positions
    """Position in the lesson set of each entry, int64 [entries]."""
    weights: Scores
    """Factor of each entry's loss, float64 [entries]."""
    stages: npt.NDArray[np.int32]
    """Stage of each entry, int32 [entries]."""
    lessons_per_update: int
    """Lessons of one update; the last may have fewer."""
    bounds: Positions | None = None
    """Where each update begins, and the end, int64 [updates + 1]; None where all but the last have as many."""
    views: Positions | None = None
    """In which view each entry is shown, int64 [entries]; None where nothing chooses."""

    @property
    def updates(self) -> int:
        """Number of updates."""
        if self.bounds is not None:
            return len(self.bounds) - 1
        return -(-len(self.positions) // self.lessons_per_update)

    def draw(self, update: int) -> Draw:
        """Return the entries of one update."""
        span = slice(update * self.lessons_per_update, (update + 1) * self.lessons_per_update)
        if self.bounds is not None:
            span = slice(int(self.bounds[update]), int(self.bounds[update + 1]))
        views = None if self.views is None else self.views[span]
        return Draw(self.positions[span], self.weights[span], int(self.stages[span.start]), views)


class Procedural(Timetable):
    """A plan that is computed as it goes: a mixture over a pool, with the state that its feedback has brought about.

    What is heard after update u counts from update u + delay on. Loaders prepare batches ahead; with a delay of at
    least as many updates as they can be ahead, every batch is the same whether the run was interrupted or not.

    Args:
        pool: The lessons chosen and ordered.
        mixture: The rule that draws from them.
        updates: Number of updates in the run.
        lessons_per_update: Lessons of one update.
        seed: Seed of everything random.
        delay: Updates between the hearing and the first draw that heeds it, at least 0.
    """

    def __init__(
        self, pool: Pool, mixture: Mixture, updates: int, lessons_per_update: int, seed: int, delay: int = 0
    ) -> None:
        self.pool = pool
        self.mixture = mixture
        self.lessons_per_update = lessons_per_update
        self.seed = seed
        self.delay = delay
        self.total = updates
        self.states: list[tuple[int, State]] = [(0, mixture.start(pool))]
        """The states that still matter, each with the update from which on it holds."""
        self.heard = -1
        """The update of the last feedback."""

    @property
    def hears(self) -> bool:  # type: ignore[override]
        """Whether the mixture hears."""
        return self.mixture.hears

    @property
    def updates(self) -> int:
        """Number of updates in the run."""
        return self.total

    def state_at(self, update: int) -> State:
        """Return the state that an update is drawn with.

        Raises:
            CheckpointMismatch: The update lies before the oldest state that is kept.
        """
        for first, state in reversed(self.states):
            if first <= update:
                return state
        raise CheckpointMismatch(
            f"Update {update} cannot be drawn any more: the plan has heard of update {self.heard} and keeps its state "
            f"from update {self.states[0][0]} on. Allowed are later updates. Start the run anew, or load the "
            "checkpoint of that update."
        )

    def draw(self, update: int) -> Draw:
        """Return the lessons of one update over all ranks."""
        drawn = self.draw_places(update)
        return drawn._replace(places=self.pool.rows[drawn.places])

    def draw_places(self, update: int) -> Draw:
        """Return the lessons of one update as places in the pool.

        Raises:
            ConfigError: The mixture did not give as many lessons of the pool as it should.
        """
        moment = Moment(update, self.total, self.lessons_per_update, self.seed)
        drawn = self.mixture.draw(self.pool, self.state_at(update), moment)
        low, high = drawn.places.min(initial=0), drawn.places.max(initial=0)
        if len(drawn.places) != self.lessons_per_update or low < 0 or high >= len(self.pool):
            raise ConfigError(
                f"{type(self.mixture).__name__}.draw gave {len(drawn.places)} lessons with places from {low} to {high} "
                f"at update {update}; it must give {self.lessons_per_update}, from 0 to {len(self.pool) - 1}. "
                "Correct it."
            )
        return drawn

    def hear(self, feedback: Feedback) -> None:
        """Take in some feedback, `places` being positions in the lesson set.

        Raises:
            ConfigError: It is not later than what was heard before.
        """
        if not self.mixture.hears:
            return
        if feedback.update <= self.heard:
            raise ConfigError(
                f"Feedback of update {feedback.update} came after that of update {self.heard}; it must come in order, "
                "once for an update. Send it from one place only."
            )
        known = self.pool.places_of(feedback.places)
        inside = known >= 0
        figures = {name: values[inside] for name, values in feedback.lessons.items()}
        progress = min(1.0, feedback.update / self.total)
        told = replace(feedback, places=known[inside], lessons=figures, progress=progress)
        state = self.mixture.hear(self.pool, self.states[-1][1], told)
        self.heard = feedback.update
        current = max(k for k, (first, _) in enumerate(self.states) if first <= feedback.update)
        self.states = [*self.states[current:], (feedback.update + self.delay, state)]

    def state_dict(self) -> dict[str, Any]:
        """Return the states that still matter, as JSON values."""
        states: list[Any] = pack([[first, state] for first, state in self.states])
        return {"states": states, "heard": self.heard, "delay": self.delay}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            CheckpointMismatch: It was saved with another delay, so other batches would follow.
        """
        if state["delay"] != self.delay:
            raise CheckpointMismatch(
                f"The checkpoint's plan heeds feedback after {state['delay']} updates, this one after {self.delay}; "
                "the same number is needed to go on with the same lessons. Restore the number of workers."
            )
        self.states = [(int(first), saved) for first, saved in unpack(state["states"])]
        self.heard = int(state["heard"])
