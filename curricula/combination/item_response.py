"""Difficulty from how several students did: item-response theory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from curricula.arrays import Scores
from curricula.combination.base import side_by_side
from curricula.signals.base import Column, NamedSignal, Signal
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

__all__ = ["ItemResponse", "fit_items"]

SWEEPS = 200
TOLERANCE = 1e-7
LARGEST = 8.0  # a Newton step is never larger: an item that all or none pass has a flat likelihood far out


class ItemResponse(NamedSignal):
    """How hard a lesson is by the answers of several students, who are not equally able.

    One parameter (Rasch 1960): P(student s passes lesson i) = 1 / (1 + exp(-(ability_s - difficulty_i))). Two
    parameters (Birnbaum 1968) put the lesson's discrimination a_i > 0 before the bracket. The estimates are the most
    probable ones under normal priors: difficulty N(0, 1), ability N(0, 3), log a_i N(0, 0.5); so a lesson that nobody
    passes is hard, and not infinitely hard. A lesson's difficulty does not depend on which of the students answered it.

    Args:
        signals: One signal a student: its pass rate on each lesson, in [0, 1]. Missing where it was not asked.
        tries: Answers behind every rate.
        parameters: 1 (difficulty) or 2 (difficulty and discrimination).
        called: Name of the column.
    """

    def __init__(
        self, signals: Sequence[Signal], tries: int = 1, parameters: int = 1, called: str = "item_difficulty"
    ) -> None:
        super().__init__(called)
        self.signals = signals
        self.tries = tries
        self.parameters = parameters

    def compute(self, lessons: LessonSet) -> Column:
        """Fit; the provenance holds the students' abilities. A lesson that no student answered misses the value."""
        if self.parameters not in (1, 2) or self.tries < 1:
            raise ConfigError(
                f"ItemResponse got parameters={self.parameters} and tries={self.tries}; allowed are 1 or 2 parameters "
                "and at least 1 try. Correct them."
            )
        rates, source = side_by_side(self, self.signals, lessons)
        asked = ~np.isnan(rates)
        if not asked.any() or (rates[asked] < 0).any() or (rates[asked] > 1).any():
            raise DataError(
                f"ItemResponse got {asked.sum()} rates between {np.nanmin(rates) if asked.any() else np.nan:g} and "
                f"{np.nanmax(rates) if asked.any() else np.nan:g}; pass rates in [0, 1] are needed, at least one. "
                "Give one signal of pass rates for every student."
            )
        fit = fit_items(rates, self.tries, discriminate=self.parameters == 2)
        facts = {**source, "abilities": fit.ability.tolist(), "parameters": self.parameters}
        return Column(np.where(asked.any(axis=1), fit.difficulty, np.nan), "logits", facts)


class Items(NamedTuple):
    """What was estimated."""

    difficulty: Scores
    """float64 [lessons]."""
    discrimination: Scores
    """float64 [lessons]; 1 with one parameter."""
    ability: Scores
    """float64 [students]."""


def fit_items(rates: Scores, tries: int, discriminate: bool) -> Items:
    """Return the most probable parameters, by Newton steps in turns.

    Args:
        rates: Pass rates, NaN where not asked, float64 [lessons, students].
        tries: Answers behind every rate.
        discriminate: Whether to fit the discriminations.
    """
    weight = np.where(np.isnan(rates), 0.0, float(tries))
    right = np.where(np.isnan(rates), 0.0, rates) * weight
    difficulty, log_slope, ability = np.zeros(len(rates)), np.zeros(len(rates)), np.zeros(rates.shape[1])
    for _ in range(SWEEPS):
        moved = 0.0
        slope = np.exp(log_slope)[:, None]
        error, curve = residuals(right, weight, slope * (ability - difficulty[:, None]))
        step = newton((-slope * error).sum(1) - difficulty, (slope**2 * curve).sum(1) + 1.0)
        difficulty, moved = difficulty + step, max(moved, float(np.abs(step).max()))
        if discriminate:
            logit = slope * (ability - difficulty[:, None])
            error, curve = residuals(right, weight, logit)
            # with respect to log a, the logit is its own derivative
            step = newton((error * logit).sum(1) - log_slope / 0.25, (curve * logit**2).sum(1) + 1 / 0.25)
            log_slope, moved = log_slope + step, max(moved, float(np.abs(step).max()))
            slope = np.exp(log_slope)[:, None]
        error, curve = residuals(right, weight, slope * (ability - difficulty[:, None]))
        step = newton((slope * error).sum(0) - ability / 9, (slope**2 * curve).sum(0) + 1 / 9)
        ability, moved = ability + step, max(moved, float(np.abs(step).max()))
        if moved < TOLERANCE:
            break
    return Items(difficulty, np.exp(log_slope), ability)


def residuals(right: Scores, weight: Scores, logit: Scores) -> tuple[Scores, Scores]:
    """Return right answers minus expected ones, and the variance of their number, both [lessons, students]."""
    chance = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
    return right - weight * chance, weight * chance * (1 - chance)


def newton(slope: Scores, curvature: Scores) -> Scores:
    """Return a bounded Newton step uphill."""
    return np.clip(slope / curvature, -LARGEST, LARGEST)
