"""A rate refined from the gradient norms of an earlier run."""

from __future__ import annotations

import csv
import math
from functools import cached_property
from pathlib import Path
from statistics import median

from lessons.errors import ConfigError, DataError
from lightning_modules.schedules.base import Schedule

__all__ = ["Refined"]


class Refined(Schedule):
    """The schedule that an earlier run's gradient norms suggest: eta_t = w_t * sum_{s > t} w_s, w_t = 1 / norm_t^p.

    Optimal linear decay and its refinement (Defazio et al. 2023, arXiv:2310.07831 unchecked): with constant norms it is
    the linear decay; where gradients grow at the end it anneals fast. The norms are smoothed by a running median, the
    largest factor is 1. The paper takes p = 2 for SGD; for Adam it takes L1 norms and p = 1: we have the L2 norm, so
    p = 1 is our reading. An earlier run of another length is stretched.

    Args:
        progress: The earlier run's logs/progress.csv, with its column gradient_norm.
        power: p.
        smoothing_share: Width of the running median, as a share of the run.
    """

    def __init__(self, progress: str, power: float = 1.0, smoothing_share: float = 0.1) -> None:
        self.progress = progress
        self.power = power
        self.smoothing_share = smoothing_share

    @cached_property
    def factors(self) -> list[float]:
        """The factor of each update of the earlier run."""
        if self.power <= 0 or not 0 <= self.smoothing_share <= 1:
            raise ConfigError(
                f"Refined got power={self.power:g} and smoothing_share={self.smoothing_share:g}; allowed are powers "
                "above 0 and shares from 0 to 1. Correct them."
            )
        norms = smoothed(read_norms(Path(self.progress)), self.smoothing_share)
        weights = [norm**-self.power for norm in norms]
        later, rates = math.fsum(weights), []
        for weight in weights:
            later -= weight
            rates.append(weight * max(later, 0.0))
        top = max(rates)
        return [rate / top for rate in rates] if top > 0 else [1.0] * len(rates)

    def factor(self, update: int, updates: int) -> float:
        """Return the factor for a 0-based update, interpolated between those of the earlier run."""
        place = update / max(1, updates - 1) * (len(self.factors) - 1)
        low = min(int(place), len(self.factors) - 1)
        high = min(low + 1, len(self.factors) - 1)
        return self.factors[low] + (place - low) * (self.factors[high] - self.factors[low])


def read_norms(path: Path) -> list[float]:
    """Read the gradient norms of a run's progress.csv.

    Raises:
        DataError: The file, the column or a positive number is missing.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            norms = [float(row["gradient_norm"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"Cannot read gradient norms from {path}: {type(error).__name__} {error}. It must be the logs/progress.csv "
            "of a run, with the column gradient_norm. Correct the path, or run the earlier training again."
        ) from error
    if not norms or not all(math.isfinite(norm) and norm > 0 for norm in norms):
        raise DataError(
            f"{path} has {len(norms)} gradient norms, and not all are positive numbers, so no schedule can be made of "
            "them. Give the log of a run that went well."
        )
    return norms


def smoothed(values: list[float], share: float) -> list[float]:
    """Return the running median over a window of a share of the values.

    >>> smoothed([1.0, 9.0, 1.0, 1.0], 0.75)
    [5.0, 1.0, 1.0, 1.0]
    """
    half = int(share * len(values)) // 2
    return [median(values[max(0, k - half) : k + half + 1]) for k in range(len(values))]
