"""Scales: ranks, standard scores, the unit interval."""

from __future__ import annotations

from curricula.arrays import Scores
from curricula.calibration.base import Calibration
from curricula.ranks import average_ranks

__all__ = ["RankShare", "StandardScore", "UnitInterval"]


class RankShare(Calibration):
    """The share of lessons that are at most as hard: the rank in (0, 1], equal values sharing their mean rank.

    The distribution function of the values (Platanios et al. 2019, arXiv:1903.09848); whatever their scale was, the
    results spread evenly.
    """

    def calibrate(self, values: Scores) -> Scores:
        """Rank.

        >>> import numpy as np
        >>> RankShare().calibrate(np.array([0.3, 0.1, 0.3, 9.0])).tolist()
        [0.625, 0.25, 0.625, 1.0]
        """
        return average_ranks(values) / len(values)


class StandardScore(Calibration):
    """How many standard deviations a value lies above the mean; 0 for all where they do not differ."""

    unit = "standard deviations"

    def calibrate(self, values: Scores) -> Scores:
        """Subtract the mean and divide by the deviation (of the values themselves, not of a sample)."""
        if values.min() == values.max():  # the deviation of equal values need not round to 0
            return values * 0.0
        standard: Scores = (values - values.mean()) / values.std()
        return standard


class UnitInterval(Calibration):
    """Where a value lies between the lowest (0) and the highest (1); 0 for all where they do not differ."""

    def calibrate(self, values: Scores) -> Scores:
        """Stretch to [0, 1]."""
        low, high = values.min(), values.max()
        return (values - low) / (high - low) if high > low else values * 0.0
