"""What every preference loss is, and over what it is averaged: pairs, texts, or lessons."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.preferences.texts import StepTotals, Texts

__all__ = ["LessonPreference", "PairPreference", "Preference", "TextPreference", "Units", "require"]


class Units(NamedTuple):
    """What a loss is averaged over, in a micro-batch."""

    losses: Tensor
    """The loss of each, [units]."""
    weights: Tensor
    """The weight of each, [units]."""


class Preference(ABC):
    """Says how much a student disagrees with what is preferred.

    The loss of an update is the sum over its units of weight * loss, divided by the total weight of the units in the
    whole update, plus `supervised_weight` times the mean negative log-likelihood of the chosen texts' tokens, over all
    of them in the update.
    """

    needs_reference: ClassVar[bool] = False
    """Whether the loss compares the student with a reference."""
    needs_mismatched: bool = False
    """Whether it measures how far student and reference are apart, with texts that answer other questions."""
    unit: ClassVar[str]
    """What it is averaged over, in the plural."""
    supervised_weight: float = 0.0
    """Weight of the likelihood of the chosen texts, which keeps it from falling."""
    largest_fall: float | None = None
    """Training stops when the chosen texts have become less likely than they were to the reference, by more than this
    on average, in nats a token; None: never."""

    @property
    @abstractmethod
    def formula(self) -> str:
        """The loss of a unit in words, for the log."""

    @abstractmethod
    def units(self, texts: Texts) -> Units:
        """Return the losses of a micro-batch."""

    @abstractmethod
    def total(self, step: StepTotals) -> float:
        """Return the total weight of the units in the whole update."""

    @abstractmethod
    def reward(self, texts: Texts) -> Tensor:
        """Return what the loss takes for the student's own estimate of each text, [texts]; margins are logged."""

    def check(self) -> None:
        """Refuse settings out of range; called before the first step.

        Raises:
            ConfigError: A setting is out of range.
        """
        require(self, "supervised_weight", self.supervised_weight >= 0, "values of at least 0")
        require(self, "largest_fall", self.largest_fall is None or self.largest_fall > 0, "values above 0, or null")


class PairPreference(Preference):
    """A loss on pairs: the k-th chosen text of a lesson against its k-th rejected one."""

    unit = "pairs"

    @abstractmethod
    def per_pair(self, chosen: Texts, rejected: Texts) -> Tensor:
        """Return the loss of every pair, [pairs]."""

    def units(self, texts: Texts) -> Units:
        """Return the losses of the micro-batch's pairs."""
        chosen = texts.where(texts.chosen)
        return Units(self.per_pair(chosen, texts.where(~texts.chosen)), chosen.weight)

    def total(self, step: StepTotals) -> float:
        """Return the total weight of the pairs: every pair has one chosen text."""
        return step.chosen


class TextPreference(Preference):
    """A loss on single texts, good or bad."""

    unit = "texts"

    @abstractmethod
    def per_text(self, texts: Texts) -> Tensor:
        """Return the loss of every text, [texts]."""

    def units(self, texts: Texts) -> Units:
        """Return the losses of the micro-batch's texts."""
        return Units(self.per_text(texts), texts.weight)

    def total(self, step: StepTotals) -> float:
        """Return the total weight of the texts."""
        return step.chosen + step.rejected


class LessonPreference(Preference):
    """A loss on all good and bad texts of a lesson together."""

    unit = "lessons"

    @abstractmethod
    def per_lesson(self, texts: Texts, lessons: int) -> Tensor:
        """Return the loss of every lesson, [lessons].

        Args:
            texts: The texts of a micro-batch.
            lessons: How many lessons they belong to.
        """

    def units(self, texts: Texts) -> Units:
        """Return the losses of the micro-batch's lessons."""
        lessons = int(texts.lesson[-1]) + 1 if len(texts) else 0
        first = torch.searchsorted(texts.lesson.contiguous(), torch.arange(lessons, device=texts.lesson.device))
        return Units(self.per_lesson(texts, lessons), texts.weight[first])

    def total(self, step: StepTotals) -> float:
        """Return the total weight of the lessons."""
        return step.lessons


def require(preference: Preference, name: str, holds: bool, allowed: str) -> None:
    """Refuse a setting for which a condition does not hold.

    Raises:
        ConfigError: It does not.
    """
    if not holds:
        raise ConfigError(
            f"{type(preference).__name__} got {name}={getattr(preference, name)}, which it cannot use. Allowed are "
            f"{allowed}. Correct `{name}`."
        )
