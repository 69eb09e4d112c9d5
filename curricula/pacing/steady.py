"""Dials that stand still, or move in steps: in the run, or from round to round."""

from __future__ import annotations

from collections.abc import Sequence

from curricula.pacing.base import Pacing, check_share
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["PerRound", "Stages", "Steady"]


class Steady(Pacing):
    """A dial that stays where it is.

    Args:
        at: Its position, in [0, 1].
    """

    def __init__(self, at: float = 1.0) -> None:
        self.at = at

    def share(self, progress: float, state: State) -> float:
        """Return the position."""
        check_share(self, "at", self.at)
        return self.at


class Stages(Pacing):
    """A dial that jumps at set moments: a table of stages.

    Args:
        shares: Its position in each stage, in [0, 1].
        starts: When each stage but the first begins, as shares of the run, rising; None for stages of equal length.
    """

    def __init__(self, shares: Sequence[float], starts: Sequence[float] | None = None) -> None:
        self.shares = shares
        self.starts = starts

    def share(self, progress: float, state: State) -> float:
        """Return the position of the stage.

        >>> [Stages([0.2, 0.5, 1.0]).share(t / 4, {}) for t in range(4)]
        [0.2, 0.2, 0.5, 1.0]
        """
        return self.shares[self.stage(progress, state)]

    def stage(self, progress: float, state: State) -> int:
        """Return how many stages lie behind.

        Raises:
            ConfigError: The table is empty, does not rise, or its two columns do not fit.
        """
        stages = len(self.shares)
        starts = [k / stages for k in range(1, stages)] if self.starts is None else list(self.starts)
        rising = all(a < b for a, b in zip([0.0, *starts], [*starts, 1.0], strict=True))
        if not stages or len(starts) != stages - 1 or not rising:
            raise ConfigError(
                f"Stages got shares={list(self.shares)} and starts={self.starts}; at least one share is needed, "
                "and one start fewer, rising between 0 and 1. Correct the table."
            )
        for value in self.shares:
            check_share(self, "shares", value)
        return sum(progress >= start for start in starts)


class PerRound(Pacing):
    """A dial that stays where it is during a round and moves from one round of a course to the next.

    TAPIR raises the share of hard lessons so: a_{r+1} = a_r + da, from 0.3 in steps of 0.2 (Yue et al. 2024,
    arXiv:2405.13448; both numbers are our reading): PerRound([0.3, 0.5, 0.7]).

    Args:
        shares: Its position in each round, in [0, 1]; rounds after the last keep the last.
    """

    def __init__(self, shares: Sequence[float]) -> None:
        self.shares = shares

    def start(self, round_number: int = 0) -> State:
        """Keep the round's number.

        Raises:
            ConfigError: There is no share, or one outside [0, 1].
        """
        if not self.shares:
            raise ConfigError("PerRound got shares=[]; the position in at least one round is needed. Fill in `shares`.")
        for value in self.shares:
            check_share(self, "shares", value)
        return {"round": round_number}

    def share(self, progress: float, state: State) -> float:
        """Return the round's position.

        >>> pacing = PerRound([0.3, 0.5])
        >>> [pacing.share(0.0, pacing.start(number)) for number in range(3)]
        [0.3, 0.5, 0.5]
        """
        return self.shares[min(int(state["round"]), len(self.shares) - 1)]
