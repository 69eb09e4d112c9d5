"""Dials that wait for the student."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from curricula.feedback import Feedback
from curricula.pacing.base import Pacing, check_share
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["Gate"]


class Gate(Pacing):
    """Opens the next stage when a figure has reached a threshold, or does not get better any more.

    With the training loss and cumulative stages it is the degree curriculum (Abbe et al. 2023, arXiv:2301.13105):
    train on what is simplest until the loss is small, then open the next.

    Args:
        shares: The dial's position in each stage, in [0, 1].
        figure: Name of the figure that the student's feedback holds, such as "loss" or "accuracy".
        threshold: Value that opens the next stage; None waits for the plateau only.
        better: Whether the figure gets better as it gets "lower" or "higher".
        patience: Open also after so many feedbacks in a row without a new best in this stage; None never does.
        least_gain: What counts as a new best: better than the last by more than this.
        at_latest: Open every stage but the first at these shares of the run at the latest, rising; None waits for ever.
            A stage that time has opened starts anew like any other: its best and its patience are its own.
    """

    hears = True

    def __init__(
        self,
        shares: Sequence[float],
        figure: str = "loss",
        threshold: float | None = None,
        better: Literal["lower", "higher"] = "lower",
        patience: int | None = None,
        least_gain: float = 0.0,
        at_latest: Sequence[float] | None = None,
    ) -> None:
        self.shares = shares
        self.figure = figure
        self.threshold = threshold
        self.better = better
        self.patience = patience
        self.least_gain = least_gain
        self.at_latest = at_latest

    def start(self, round_number: int = 0) -> State:
        """Return the first stage, with nothing heard.

        Raises:
            ConfigError: Nothing would ever open a gate, or the settings do not fit.
        """
        if self.better not in ("lower", "higher"):
            raise ConfigError(f"Gate got better={self.better!r}; allowed are 'lower' and 'higher'. Correct `better`.")
        if self.threshold is None and self.patience is None and self.at_latest is None:
            raise ConfigError(
                "Gate got threshold=None, patience=None and at_latest=None, so it would never open; at least one must "
                "be set. Give a threshold of the figure, or a patience."
            )
        if not self.shares or (self.at_latest is not None and len(self.at_latest) != len(self.shares) - 1):
            raise ConfigError(
                f"Gate got {len(self.shares)} shares and at_latest={self.at_latest}; at least one share is needed, and "
                "at_latest has one entry fewer. Correct them."
            )
        moments = list(self.at_latest or [])
        rising = all(earlier < later for earlier, later in pairwise(moments))
        if not rising or any(not 0 <= moment <= 1 for moment in moments):
            raise ConfigError(
                f"Gate got at_latest={moments}; allowed are rising shares of the run, each from 0 to 1. Correct them."
            )
        for value in self.shares:
            check_share(self, "shares", value)
        return anew(0)

    def stage(self, progress: float, state: State) -> int:
        """Return the stage that feedback or time has opened."""
        by_time = sum(progress >= moment for moment in self.at_latest or ())
        return max(int(state["stage"]), by_time)

    def share(self, progress: float, state: State) -> float:
        """Return the stage's position."""
        return self.shares[self.stage(progress, state)]

    def hear(self, state: State, feedback: Feedback) -> State:
        """Open the stage after the one that is open now, or wait on."""
        stage = self.stage(feedback.progress, state)
        if stage > state["stage"]:  # time has opened it since: it starts anew, as after any gate
            state = anew(stage)
        sign = 1.0 if self.better == "lower" else -1.0
        value = sign * feedback.metric(self.figure)
        improved = state["best"] is None or value < state["best"] - self.least_gain
        waited = 0 if improved else state["waited"] + 1
        reached = self.threshold is not None and value <= sign * self.threshold
        tired = self.patience is not None and waited >= self.patience
        if stage < len(self.shares) - 1 and (reached or tired):
            return anew(stage + 1)
        return {"stage": stage, "best": value if improved else state["best"], "waited": waited}


def anew(stage: int) -> State:
    """Return the state in which a stage begins: nothing heard in it yet."""
    return {"stage": stage, "best": None, "waited": 0}
