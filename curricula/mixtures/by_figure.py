"""Lessons by what was measured on each of them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.feedback import Feedback
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.mixtures.prefix import some_of
from curricula.pool import Pool, Same
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["BestHeard"]


class BestHeard(Mixture):
    """Draws evenly from the part of the lessons with the highest figures heard of them: dynamic data diets.

    Every so many updates the student's feedback scores lessons (EL2N, loss); until the next, only the top share is
    trained on (NLU on Data Diets, Attendu and Corbeil 2023, arXiv:2306.03208). Before any feedback
    all are drawn from, and later those not heard of yet count as the first to be drawn from.

    Args:
        figure: Name of the figure by lesson in the student's feedback.
        share: Share of the lessons that are drawn from, in (0, 1].
        keep: Of an old figure, when a new one comes: 0 replaces it, 0.9 keeps a running mean, in [0, 1).
        which: Whether the "highest" or "lowest" figures are drawn from.
    """

    hears = True

    def __init__(
        self,
        figure: str = "error_norm",
        share: float = 0.5,
        keep: float = 0.0,
        which: Literal["highest", "lowest"] = "highest",
    ) -> None:
        self.figure = figure
        self.share = share
        self.keep = keep
        self.which = which

    def start(self, pool: Pool) -> State:
        """Return the state of lessons of which nothing was heard."""
        if not (0 < self.share <= 1 and 0 <= self.keep < 1) or self.which not in ("highest", "lowest"):
            raise ConfigError(
                f"BestHeard got share={self.share}, keep={self.keep} and which={self.which!r}; allowed are a share "
                "above 0 and up to 1, keep at least 0 and below 1, and 'highest' or 'lowest'. Correct them."
            )
        return {"figures": np.full(len(pool), np.nan), "heard": False}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Take in the figures of the lessons that were measured."""
        figures, (places, new) = state["figures"].copy(), feedback.by_lesson(self.figure)
        old = np.where(np.isnan(figures[places]), new, figures[places])
        figures[places] = self.keep * old + (1 - self.keep) * new
        return {"figures": figures, "heard": True}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw from the top."""
        top = pool.once((self, "top"), Same(state["figures"]), lambda: self.top(state["figures"], state["heard"]))
        return even_weights(top[some_of(len(top), moment.count, moment.generator())])

    def top(self, figures: Scores, heard: bool) -> Positions:
        """Return the places of the top share, rising; of equals at the cut the earlier. It takes linear time."""
        if not heard:
            return np.arange(len(figures))
        count = max(1, round(self.share * len(figures)))
        inside = np.isnan(figures)
        unheard = np.flatnonzero(inside)
        if len(unheard) >= count:
            return unheard[:count]
        keys = np.where(inside, np.inf, -figures if self.which == "highest" else figures)
        cut = np.partition(keys, count - len(unheard) - 1)[count - len(unheard) - 1]
        inside |= keys < cut
        inside[np.flatnonzero(keys == cut)[: count - int(inside.sum())]] = True
        return np.flatnonzero(inside)
