"""What every pacing is: a number between 0 and 1 that follows the progress of the training."""

from __future__ import annotations

from abc import ABC, abstractmethod

from curricula.feedback import Feedback
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["Pacing", "check_share"]


class Pacing(ABC):
    """Says how far a dial is open: how much of the ordered lessons may be drawn, how much is replayed, ..."""

    hears: bool = False
    """Whether it changes with the student's feedback."""

    @abstractmethod
    def share(self, progress: float, state: State) -> float:
        """Return the dial's position, in [0, 1].

        Args:
            progress: Updates made, divided by all updates, in [0, 1).
            state: What `start` and `hear` returned last.
        """

    def stage(self, progress: float, state: State) -> int:
        """Return the number of the stage that this moment belongs to; 0 where there are no stages."""
        return 0

    def start(self, round_number: int = 0) -> State:
        """Return the state before the first update of a course's round, counted from 0."""
        return {}

    def hear(self, state: State, feedback: Feedback) -> State:
        """Return the state after some feedback."""
        return state


def check_share(part: object, name: str, value: float, low: float = 0.0) -> None:
    """Refuse a setting outside [low, 1].

    Raises:
        ConfigError: It is outside, or not a number.
    """
    if not low <= value <= 1:
        raise ConfigError(
            f"{type(part).__name__} got {name}={value}; allowed are numbers from {low:g} to 1. Correct `{name}`."
        )
