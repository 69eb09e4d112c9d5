"""The texts of a micro-batch as preference losses see them, and what all of the update's weigh together."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from torch import Tensor

__all__ = ["StepTotals", "Texts"]


class StepTotals(NamedTuple):
    """What an optimiser step amounts to, over all micro-batches and devices. Texts weigh what their lessons do."""

    chosen: float
    """Total weight of the chosen texts."""
    rejected: float
    """Total weight of the rejected texts."""
    lessons: float
    """Total weight of the lessons."""


@dataclass(frozen=True)
class Texts:
    """Sums and counts of log-probabilities, one entry a text."""

    log_probability: Tensor
    """Sum of the weighted log-probabilities of its tokens under the student, in nats, [texts]; has a gradient."""
    tokens: Tensor
    """Total weight of its tokens: their number where all count 1, [texts]."""
    chosen: Tensor
    """Whether it is a chosen or good text, bool [texts]."""
    lesson: Tensor
    """The entry of the plan it belongs to, counted from 0 in the micro-batch, int64 [texts]."""
    weight: Tensor
    """The weight of that entry in the plan, [texts]."""
    score: Tensor
    """How good it is, in [0, 1]; 1 for chosen and 0 for rejected texts where nobody gave a score, [texts]."""
    usual_tokens: Tensor
    """Mean weight of tokens of the update's chosen texts for a chosen one, of its rejected ones for others, [texts]."""
    reference_log_probability: Tensor
    """As `log_probability`, under the reference; without gradient, and 0 where there is no reference, [texts]."""
    reference_point: Tensor
    """How far the student is from the reference: the paper's z0 of KTO, scalar, without gradient."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def mean(self) -> Tensor:
        """Mean log-probability of a token, [texts]."""
        return self.log_probability / self.tokens

    @property
    def log_ratio(self) -> Tensor:
        """Log-probability under the student less that under the reference, [texts]."""
        return self.log_probability - self.reference_log_probability

    @property
    def mean_log_ratio(self) -> Tensor:
        """The log-ratio divided by the number of tokens, [texts]."""
        return self.log_ratio / self.tokens

    def where(self, mask: Tensor) -> Texts:
        """Return those of the texts for which a mask holds."""
        names = [field.name for field in fields(self) if field.name != "reference_point"]
        return replace(self, **{name: getattr(self, name)[mask] for name in names})
