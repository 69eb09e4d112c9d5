"""A mixture that hears, written for the tests: plans name it by its import path."""

from __future__ import annotations

import numpy as np

from curricula.feedback import Feedback
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.pool import Pool
from curricula.state import State


class Neediest(Mixture):
    """Draws the lessons with the highest last loss, those never measured first.

    Args:
        figure: The figure to listen for.
    """

    hears = True

    def __init__(self, figure: str = "training_loss") -> None:
        self.figure = figure

    def start(self, pool: Pool) -> State:
        return {"loss": np.full(len(pool), 1e9)}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        shuffled = moment.generator().permutation(len(pool))
        return even_weights(shuffled[np.argsort(-state["loss"][shuffled], kind="stable")][: moment.count])

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        loss = state["loss"].copy()
        found = feedback.lessons[self.figure]
        loss[feedback.places[~np.isnan(found)]] = found[~np.isnan(found)]
        return {"loss": loss}
