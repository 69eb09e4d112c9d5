"""Lessons that count by the loss last heard of them, or not at all."""

from __future__ import annotations

from typing import Literal

import numpy as np

from curricula.arrays import Scores
from curricula.feedback import Feedback
from curricula.mixtures.around import MixtureAround
from curricula.mixtures.base import Draw, Mixture, Moment
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["LossByLoss"]


class LossByLoss(MixtureAround):
    """Draws as another mixture does, and lets every lesson count by the loss last heard of it.

    With favour "easy", p_i ~ exp(log pi(a_i | o_i) / eta) = exp(-loss_i / temperature): what the student can represent
    counts more (Information Maximising Curriculum, 2023, arXiv:2303.15349; there per expert of a mixture, here for one
    student: our reading). With "hard" it is exp(loss_i / temperature). The weights of the lessons heard of are scaled
    to a mean of 1 in every update; a lesson not heard of yet counts 1. A lesson whose loss lies outside the bounds is
    skipped: it counts 0, and costs its place in the update until feedback brings it back. An update of which all would
    be skipped counts evenly.

    Args:
        mixture: What draws the lessons.
        figure: Name of the figure by lesson in the student's feedback.
        temperature: eta, in the figure's unit, above 0: large ones even the weights out; None weighs evenly.
        favour: Whether "easy" or "hard" lessons count more.
        lowest: Skip lessons with a loss below this; None skips none.
        highest: Skip lessons with a loss above this; None skips none.
    """

    def __init__(
        self,
        mixture: Mixture,
        figure: str = "training_loss",
        temperature: float | None = None,
        favour: Literal["easy", "hard"] = "easy",
        lowest: float | None = None,
        highest: float | None = None,
    ) -> None:
        super().__init__(mixture)
        self.figure = figure
        self.temperature = temperature
        self.favour = favour
        self.lowest = lowest
        self.highest = highest

    @property
    def hears(self) -> bool:  # type: ignore[override]
        """Whether it changes with the student's feedback: always."""
        return True

    def start(self, pool: Pool) -> State:
        """Return the mixture's first state, with nothing heard of any lesson.

        Raises:
            ConfigError: The settings are outside their range.
        """
        eta, low, high = self.temperature, self.lowest, self.highest
        empty = low is not None and high is not None and not low < high
        if (eta is not None and not eta > 0) or self.favour not in ("easy", "hard") or empty:
            raise ConfigError(
                f"LossByLoss got temperature={eta}, favour={self.favour!r}, lowest={low} and highest={high}; allowed "
                "are a temperature above 0 or None, 'easy' or 'hard', and lowest below highest. Correct them."
            )
        return {"mixture": self.mixture.start(pool), "losses": np.full(len(pool), np.nan)}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Take in the losses measured, and tell the mixture.

        Raises:
            ConfigError: The figure was not measured.
        """
        losses, measured = state["losses"].copy(), feedback.by_lesson(self.figure)
        losses[measured.places] = measured.values
        return {"mixture": self.mixture.hear(pool, state["mixture"], feedback), "losses": losses}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw and weigh."""
        drawn = self.mixture.draw(pool, state["mixture"], moment)
        return drawn._replace(weights=drawn.weights * self.weights(state["losses"][drawn.places]))

    def weights(self, losses: Scores) -> Scores:
        """Return the weights of an update's lessons, float64 [count]; NaN marks those not heard of."""
        low = -np.inf if self.lowest is None else self.lowest
        high = np.inf if self.highest is None else self.highest
        kept = ~((losses < low) | (losses > high))  # what was not heard of is kept
        weights = np.where(kept, 1.0, 0.0)
        known = kept & ~np.isnan(losses)
        if self.temperature is not None and known.any():
            signed = (losses[known] if self.favour == "hard" else -losses[known]) / self.temperature
            raw = np.exp(signed - signed.max())  # at most 1: no overflow
            weights[known] = raw / raw.mean()
        return weights if weights.any() else np.ones(len(losses))
