"""The total variation distance."""

from __future__ import annotations

from torch import Tensor

from lightning_modules.divergences.base import Divergence
from lightning_modules.losses.divergences import total_variation

__all__ = ["TotalVariation"]


class TotalVariation(Divergence):
    """Half the sum of |p - q|, in [0, 1], with p the teacher and q the student.

    No token's gradient grows with its surprise, so a teacher's odd slips teach little; where the student gives a
    token next to no probability, it also learns it slowly.
    """

    def per_token(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the distance, [tokens]."""
        return total_variation(student, teacher)
