"""Pass rates of few tries, drawn towards what all lessons have in common."""

from __future__ import annotations

import math

import numpy as np

from curricula.arrays import Scores
from curricula.combination.base import numbers
from curricula.libraries import needed_by
from curricula.signals.base import Column, NamedSignal, Signal
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["ShrunkRate", "fit_prior"]


class ShrunkRate(NamedSignal):
    """What a pass rate of few tries tells about the true one: the mean of its beta posterior.

    With k right of n tries and a Beta(a, b) prior it is (a + k) / (a + b + n); two lessons of one right in one try and
    of eight in eight are then no longer equal. The prior is fitted to all lessons (the beta-binomial likelihood), or
    given.

    Args:
        rate: A signal of pass rates in [0, 1].
        tries: A signal with the number of tries behind each rate, or one number for all.
        right: a: the prior's weight of right answers; None fits both weights.
        wrong: b: the prior's weight of wrong answers.
        quantile: None for the mean; 0.05, say, for the value that the true rate exceeds with 95%.
        called: Name of the column.
    """

    def __init__(
        self,
        rate: Signal,
        tries: Signal | int,
        right: float | None = None,
        wrong: float | None = None,
        quantile: float | None = None,
        called: str = "shrunk_rate",
    ) -> None:
        super().__init__(called)
        self.rate = rate
        self.tries = tries
        self.right = right
        self.wrong = wrong
        self.quantile = quantile

    def compute(self, lessons: LessonSet) -> Column:
        """Shrink; a lesson without a rate stays without."""
        rates = numbers(self, self.rate, lessons)
        tries = np.full(len(rates), float(self.tries)) if isinstance(self.tries, int) else numbers(
            self, self.tries, lessons
        )  # fmt: skip
        known = ~(np.isnan(rates) | np.isnan(tries))
        wrong = known & ~((rates >= 0) & (rates <= 1) & (tries >= 0))
        if wrong.any() or not known.any():
            row = int(np.argmax(wrong))
            got = f"rate {rates[row]:g} of {tries[row]:g} tries (row {row})" if wrong.any() else "no value at all"
            raise DataError(
                f"ShrunkRate got {got} from {self.rate.name!r}; rates must lie in [0, 1], tries be 0 or more, and at "
                "least one lesson have both. Give a signal of pass rates."
            )
        right = rates * tries
        a, b = self.prior(right[known], tries[known])
        facts = {"from": self.rate.name, "prior_right": a, "prior_wrong": b}
        return Column(self.estimate(a + right, b + tries - right, known), "pass rate", facts)

    def prior(self, right: Scores, tries: Scores) -> tuple[float, float]:
        """Return the prior's weights, given or fitted."""
        if self.right is None and self.wrong is None:
            with needed_by(self):
                return fit_prior(right, tries)
        if self.right is None or self.wrong is None or not (self.right > 0 and self.wrong > 0):
            raise ConfigError(
                f"ShrunkRate got right={self.right} and wrong={self.wrong}; both must be above 0, or both left out to "
                "be fitted. Correct them."
            )
        return self.right, self.wrong

    def estimate(self, right: Scores, wrong: Scores, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Scores:
        """Return the mean or the quantile of Beta(right, wrong) where it is known."""
        if self.quantile is None:
            return np.where(known, right / (right + wrong), np.nan)
        if not 0 < self.quantile < 1:
            raise ConfigError(f"ShrunkRate got quantile={self.quantile}; allowed are numbers between 0 and 1.")
        with needed_by(self):
            from scipy.stats import beta
        result = np.full(len(right), np.nan)
        result[known] = beta.ppf(self.quantile, right[known], wrong[known])
        return result


def fit_prior(right: Scores, tries: Scores) -> tuple[float, float]:
    """Return the weights (a, b) of the beta prior under which the counts are likeliest, each in [0.01, 1000].

    The likelihood of k right in n tries is C(n, k) B(a + k, b + n - k) / B(a, b).

    Args:
        right: Right answers, float64 [n].
        tries: Tries, float64 [n].
    """
    from scipy.optimize import minimize
    from scipy.special import betaln

    pairs, counts = np.unique(np.column_stack([right, tries - right]), axis=0, return_counts=True)

    def cost(logs: Scores) -> float:
        a, b = np.exp(logs)
        return float(-(counts * (betaln(a + pairs[:, 0], b + pairs[:, 1]) - betaln(a, b))).sum() / counts.sum())

    bound = (math.log(0.01), math.log(1000))
    found = minimize(cost, np.zeros(2), bounds=[bound, bound])
    a, b = np.exp(found.x)
    return float(a), float(b)
