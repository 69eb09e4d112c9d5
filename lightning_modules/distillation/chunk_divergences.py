"""How far a student is from a teacher with another tokenizer, chunk by chunk."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.divergences import Divergence
from lightning_modules.losses.cross_tokenizer import Merged, Vocabularies, shared_outcomes, sorted_distance

__all__ = ["GOLD", "ULD", "ChunkDivergence"]


class ChunkDivergence(ABC):
    """Says how far the student's expectations at a chunk of text are from the teacher's."""

    @abstractmethod
    def per_chunk(self, student: Merged, teacher: Merged, vocabularies: Vocabularies) -> Tensor:
        """Return one number per chunk, [chunks], 0 where the two agree.

        Args:
            student: The student's outcomes.
            teacher: The teacher's, without gradient.
            vocabularies: Which tokens the two have in common.
        """

    def check(self) -> None:  # noqa: B027 - some have nothing to check
        """Refuse settings out of range; called before the first step.

        Raises:
            ConfigError: A setting is out of range.
        """


class ULD(ChunkDivergence):
    """Universal logit distillation: sum_i |p_(i) - q_(i)|, the probabilities of each side sorted from the largest.

    After Boizard et al. 2024 (arXiv:2402.12030, unchecked here), with p the teacher and q the student. It asks that the
    student be as sure as the teacher, never of what: the text itself must say that, so leave the likelihood a weight.
    The paper compares the k-th token of one side with the k-th of the other; here chunks of the same text are compared,
    with the chunk's own probability in place of its first token's.
    """

    def per_chunk(self, student: Merged, teacher: Merged, vocabularies: Vocabularies) -> Tensor:
        """Return the distance of the sorted probabilities, [chunks], in [0, 2]."""
        return sorted_distance(student.outcomes(), teacher.outcomes())


class GOLD(ChunkDivergence):
    """w * D(what both can write) + (1 - w) * ULD(the tokens that one of them has alone).

    After GOLD, "Unlocking On-Policy Distillation for Any Model Family" (Patino et al. 2025, Hugging Face), our reading
    of its code in TRL. There D compares the bare probabilities of the tokens of the same name, which add up to
    different sums; here the rest of the vocabulary is one outcome more, so that both are distributions and D is 0 only
    where they agree. With the teacher's own tokenizer everything is shared and what is left is D.

    Args:
        divergence: D, over the shared first tokens, the chunk itself and everything else together.
        matched_weight: w, from 0 to 1; None for the share of the teacher's tokens that the student has as well.
    """

    def __init__(self, divergence: Divergence, matched_weight: float | None = None) -> None:
        self.divergence = divergence
        self.matched_weight = matched_weight

    def check(self) -> None:
        """Refuse a weight outside [0, 1], and what the divergence refuses."""
        if self.matched_weight is not None and not 0 <= self.matched_weight <= 1:
            raise ConfigError(
                f"GOLD got matched_weight={self.matched_weight}, which is no share. Allowed are values from 0 to 1, or "
                "none for the share of the teacher's tokens that the student has. Correct `matched_weight`."
            )
        self.divergence.check()

    def per_chunk(self, student: Merged, teacher: Merged, vocabularies: Vocabularies) -> Tensor:
        """Return the weighted sum, [chunks]."""
        weight = vocabularies.teacher_share if self.matched_weight is None else self.matched_weight
        matched = self.divergence.per_token(*shared_outcomes(student, teacher, vocabularies))
        if weight == 1:
            return matched
        mine, other = (side.tokens[:, ids] for side, ids in zip((student, teacher), vocabularies.alone, strict=True))
        return weight * matched + (1 - weight) * sorted_distance(mine, other)
