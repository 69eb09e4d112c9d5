"""How well a text tells good models from worse ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curricula.combination.base import side_by_side
from curricula.signals.base import Column, NamedSignal, Signal
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet

__all__ = ["PredictiveStrength"]


class PredictiveStrength(NamedSignal):
    """The share of pairs of models that a text's losses put in the same order as a benchmark does: PreSelect.

    Over all pairs of models of which i is better by the benchmark than j, the mean of [loss_i < loss_j], equal losses
    counting one half: 1 where the text ranks the models as the benchmark, 0 where the other way round, 0.5 where it
    tells nothing (2025, arXiv:2503.00808; the exact normalisation is our reading). Measured on a sample and given to
    `TextProxy`, it scores all lessons without any model, as the paper does with a classifier of words.

    Args:
        losses: The loss of every lesson under each model, per token or character, so that models are comparable.
        scores: Each model's score in the benchmark, larger is better, in the same order.
        called: Name of the column.
    """

    def __init__(self, losses: Sequence[Signal], scores: Sequence[float], called: str = "predictive_strength") -> None:
        super().__init__(called)
        self.losses = losses
        self.scores = scores

    def compute(self, lessons: LessonSet) -> Column:
        """Compare all pairs; a lesson that misses one of the losses misses its strength.

        Raises:
            ConfigError: There is not one score for each model, or none is better than another.
        """
        scores = np.asarray(self.scores, np.float64)
        better, worse = np.nonzero(scores[:, None] > scores[None, :])
        if len(scores) != len(self.losses) or not len(better):
            raise ConfigError(
                f"PredictiveStrength got {len(self.losses)} signals of losses and the scores {list(self.scores)}; "
                "needed is one score for each, and at least two that differ. Correct `scores`."
            )
        values, source = side_by_side(self, self.losses, lessons)
        gap = values[:, worse] - values[:, better]  # [lessons, pairs]
        return Column((0.5 + 0.5 * np.sign(gap)).mean(axis=1), provenance={**source, "scores": scores.tolist()})
