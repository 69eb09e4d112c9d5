"""A few known values, cheap features of all lessons, and the line that leads from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from curricula.arrays import Scores
from curricula.combination.base import numbers, side_by_side
from curricula.signals.base import Column, NamedSignal, Signal
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["Fitted", "fit_line"]


class Fitted(NamedSignal):
    """A signal known for some lessons, predicted for all from others by least squares.

    The rule of InstructMining (Cao et al. 2023, arXiv:2307.06290) has this form: the logarithm of a quality is a
    constant plus a weighted sum of cheap indicators. Its coefficients hold for the authors' data only, so they are
    fitted here. Features are standardised first, so that `ridge` means the same for each.

    Args:
        target: The signal to predict; its known values are what is fitted to.
        features: Signals that predict it; a lesson that misses one gets no prediction.
        called: Name of the column.
        ridge: Weight of the squared coefficients (of standardised features) beside the mean squared error; 0 or more.
        keep_known: Return the known values themselves where there are any, and predict the others only.
    """

    def __init__(
        self,
        target: Signal,
        features: Sequence[Signal],
        called: str = "fitted",
        ridge: float = 0.0,
        keep_known: bool = False,
    ) -> None:
        super().__init__(called)
        self.target = target
        self.features = features
        self.ridge = ridge
        self.keep_known = keep_known

    def compute(self, lessons: LessonSet) -> Column:
        """Fit and predict; the provenance holds coefficients, the number of known values and the share explained."""
        if not self.ridge >= 0:
            raise ConfigError(f"Fitted got ridge={self.ridge}; allowed are numbers from 0 up. Correct `ridge`.")
        features, source = side_by_side(self, self.features, lessons)
        target = numbers(self, self.target, lessons)
        usable = ~np.isnan(features).any(axis=1)
        known = usable & ~np.isnan(target)
        least = len(self.features) + 2
        if known.sum() < least:
            raise DataError(
                f"Fitted can learn {self.target.name!r} from {known.sum()} lessons that have it and all features; at "
                f"least {least} are needed for {len(self.features)} features. Measure it on more lessons."
            )
        centre, scale = features[known].mean(axis=0), features[known].std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        standard = (features - centre) / scale
        line = fit_line(standard[known], target[known], self.ridge)
        predicted = line[0] + standard @ line[1:]
        spread = target[known].var()
        explained = 1 - ((predicted - target)[known] ** 2).mean() / spread if spread else 1.0
        facts: dict[str, Any] = {
            **source,
            "target": self.target.name,
            "fitted_on": int(known.sum()),
            "explained": float(explained),
            "coefficients": dict(zip(source["from"], (line[1:] / scale).tolist(), strict=True)),
        }
        return Column(np.where(known, target, predicted) if self.keep_known else predicted, provenance=facts)


def fit_line(features: Scores, target: Scores, ridge: float) -> Scores:
    """Return the constant and the coefficients that minimise mean squared error + ridge * |coefficients|^2.

    Args:
        features: float64 [n, features].
        target: float64 [n].
        ridge: Weight of the penalty; with 0 and dependent features, the shortest solution.
    """
    count, width = features.shape
    penalty = np.hstack([np.zeros((width, 1)), np.sqrt(ridge * count) * np.eye(width)])
    left = np.vstack([np.column_stack([np.ones(count), features]), penalty])
    solution: Scores = np.linalg.lstsq(left, np.r_[target, np.zeros(width)], rcond=None)[0]
    return solution
