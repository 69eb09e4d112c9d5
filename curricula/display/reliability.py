"""How far a signal can be trusted before a plan is ordered by it."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.ranks import rank_correlation
from curricula.signal_table import SignalTable
from curricula.signals.base import Column

__all__ = ["reliability", "tied_share"]

LENGTH_UNITS = ("characters", "words", "tokens")
MOST_COMPARED = 100_000


def reliability(signals: SignalTable) -> list[tuple[str, str]]:
    """Return, for every signal of numbers, what speaks against ordering by it, as rows of (signal, finding).

    How many lessons share their value with another (those are ordered by lot), for pass rates how well half of the
    tries foretells the other half, and the rank correlation with every other signal: one with a length may be a length
    in disguise, and two that measure one thing should agree. Among very many lessons it is a sample's.
    """
    numbers = {name: column for name, column in signals.columns.items() if not column.labels}
    looked_at = sample(len(signals))
    rows = []
    for name, column in numbers.items():
        if column.missing == len(column.values):
            continue
        findings = [f"{tied_share(column.values):.0%} of the lessons tied"]
        if column.provenance.get("split_half") is not None:
            findings.append(f"split-half reliability {column.provenance['split_half']:.2f}")
        for other, against in numbers.items():
            if other == name:
                continue
            correlation = rank_correlation(column.values[looked_at], against.values[looked_at])
            if not np.isnan(correlation):
                findings.append(f"{correlation:+.2f} with {other}{' (a length)' if is_length(against) else ''}")
        rows.append((name, ", ".join(findings)))
    return rows


def sample(lessons: int) -> Positions:
    """Return all lessons, or a random sample of very many: at 100,000 a correlation is off by some 0.003."""
    if lessons <= MOST_COMPARED:
        return np.arange(lessons)
    return np.sort(np.random.default_rng(0).choice(lessons, MOST_COMPARED, replace=False, shuffle=False))


def is_length(column: Column) -> bool:
    """Return whether a signal measures a length."""
    return column.unit in LENGTH_UNITS


def tied_share(values: Scores) -> float:
    """Return the share of the known values that another lesson has too; NaN where none is known.

    >>> tied_share(np.array([0.5, 0.5, 0.7, np.nan]))
    0.6666666666666666
    """
    known = values[~np.isnan(values)]
    _, counts = np.unique(known, return_counts=True)
    return float(counts[counts > 1].sum() / len(known)) if len(known) else float("nan")
