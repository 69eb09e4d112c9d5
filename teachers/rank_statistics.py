"""Agreement of two raters: Cohen's kappa, Spearman's rank correlation, and their intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["average_ranks", "cohen_kappa", "kappa_interval", "mean", "spearman", "spearman_interval"]

RESAMPLES = 2_000
SEED = 0
TWO_SIDED_95 = 1.959963984540054  # standard normal quantile


def mean(numbers: Sequence[float]) -> float | None:
    """Return the mean; None of nothing."""
    return float(np.mean(numbers)) if numbers else None


def cohen_kappa(pairs: Sequence[tuple[object, object]]) -> float | None:
    """Return kappa = (p_o - p_e) / (1 - p_e), the agreement beyond chance (Cohen 1960).

    p_o is the share of equal labels, p_e the share that would be equal if both drew from their own labels at random.
    None when there are no pairs or p_e is 1.

    >>> cohen_kappa([("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")])
    0.5
    """
    return None if not pairs else kappa_of(confusion(pairs))


def kappa_interval(pairs: Sequence[tuple[object, object]]) -> tuple[float, float] | None:
    """Return the 95% interval of kappa, by the bootstrap over pairs with a fixed seed."""
    table = confusion(pairs)
    total = int(table.sum())
    draws = np.random.default_rng(SEED).multinomial(total, table.ravel() / total, size=RESAMPLES)
    kappas = [kappa for draw in draws if (kappa := kappa_of(draw.reshape(table.shape))) is not None]
    if not kappas:
        return None
    low, high = np.quantile(kappas, [0.025, 0.975])
    return float(low), float(high)


def confusion(pairs: Sequence[tuple[object, object]]) -> NDArray[np.int64]:
    """Return how often each two labels met, [labels, labels]."""
    labels = {label: place for place, label in enumerate(sorted({str(x) for pair in pairs for x in pair}))}
    table = np.zeros((len(labels), len(labels)), np.int64)
    for (one, other), count in Counter((str(a), str(b)) for a, b in pairs).items():
        table[labels[one], labels[other]] = count
    return table


def kappa_of(table: NDArray[np.int64]) -> float | None:
    """Return Cohen's kappa of a table of counts."""
    total = table.sum()
    observed = np.trace(table) / total
    chance = float((table.sum(0) * table.sum(1)).sum()) / float(total) ** 2
    return None if chance >= 1.0 else float((observed - chance) / (1.0 - chance))


def average_ranks(numbers: Sequence[float]) -> NDArray[np.float64]:
    """Return ranks from 1; equal numbers share the average of their ranks.

    >>> average_ranks([10.0, 20.0, 20.0, 5.0]).tolist()
    [2.0, 3.5, 3.5, 1.0]
    """
    _, places, counts = np.unique(np.asarray(numbers, np.float64), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = (ends - (counts - 1) / 2)[places]
    return ranks


def spearman(ones: Sequence[float], others: Sequence[float]) -> float | None:
    """Return the correlation of the average ranks; None for fewer than two pairs or where one side never changes."""
    if len(ones) < 2:
        return None
    x, y = average_ranks(ones), average_ranks(others)
    x, y = x - x.mean(), y - y.mean()
    spread = math.sqrt(float(x @ x) * float(y @ y))
    return None if spread == 0 else float(x @ y) / spread


def spearman_interval(rho: float, count: int) -> tuple[float, float] | None:
    """Return the 95% interval of a rank correlation by Fisher's z = atanh(rho), whose variance is 1.06 / (n - 3).

    The constant is Fieller, Hartley and Pearson's (1957), from memory: our reading. None for fewer than four pairs.
    """
    if count < 4:
        return None
    if abs(rho) >= 1.0:
        return rho, rho
    half = TWO_SIDED_95 * math.sqrt(1.06 / (count - 3))
    return math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)
