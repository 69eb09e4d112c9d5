"""Divergences from a mixture of both distributions: bounded, since the mixture has what either has."""

from __future__ import annotations

from torch import Tensor

from lightning_modules.divergences.base import Divergence, check_share
from lightning_modules.losses.divergences import generalized_jsd, skew_forward_kl, skew_reverse_kl

__all__ = ["GeneralizedJSD", "SkewForwardKL", "SkewReverseKL"]


class GeneralizedJSD(Divergence):
    """GKD's generalised Jensen-Shannon divergence (Agarwal et al. 2023, arXiv:2306.13649).

    beta KL(p || M) + (1 - beta) KL(q || M) with M = beta p + (1 - beta) q, p the teacher and q the student. DistiLLM's
    JSD has the mirror image of this beta. As in TRL, beta = 0 means KL(p || q) and beta = 1 means KL(q || p), although
    the formula is 0 at both ends; near them it is about beta KL(p || q) or (1 - beta) KL(q || p), so the scale of the
    loss jumps between 0 and 0.01. Tune the learning rate for every beta, or set `even_scale`.

    Args:
        beta: Share of the teacher in the mixture, in [0, 1].
        even_scale: Divide by beta (1 - beta), so that the scale does not jump (ours; at 0.5 four times the paper's).
    """

    def __init__(self, beta: float = 0.5, even_scale: bool = False) -> None:
        self.beta = beta
        self.even_scale = even_scale

    def per_token(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the divergence, [tokens]; without `even_scale` and inside (0, 1) at most log 2."""
        return generalized_jsd(student, teacher, self.beta, self.even_scale)

    def check(self) -> None:
        """Refuse a beta outside [0, 1]."""
        check_share(self, "beta", self.beta, ends=True)


class SkewForwardKL(Divergence):
    """DistiLLM's SFKL: KL(p || lambda p + (1 - lambda) q) (Ko et al. 2024, arXiv:2402.03898).

    p is the teacher, q the student. The authors' code leaves out the constant sum p log p; here it is in, so that 0
    means agreement. The gradient is the same.

    Args:
        skew: lambda, the teacher's share in the mixture, above 0 and below 1; 0.1 in the authors' code.
    """

    def __init__(self, skew: float = 0.1) -> None:
        self.skew = skew

    def per_token(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the divergence, [tokens], at most -log(skew)."""
        return skew_forward_kl(student, teacher, self.skew)

    def check(self) -> None:
        """Refuse a skew outside (0, 1)."""
        check_share(self, "skew", self.skew, ends=False)


class SkewReverseKL(Divergence):
    """DistiLLM's SRKL: KL(q || (1 - lambda) p + lambda q) (Ko et al. 2024, arXiv:2402.03898).

    p is the teacher, q the student.

    Args:
        skew: lambda, the student's share in the mixture, above 0 and below 1; 0.1 in the authors' code.
    """

    def __init__(self, skew: float = 0.1) -> None:
        self.skew = skew

    def per_token(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the divergence, [tokens], at most -log(skew)."""
        return skew_reverse_kl(student, teacher, self.skew)

    def check(self) -> None:
        """Refuse a skew outside (0, 1)."""
        check_share(self, "skew", self.skew, ends=False)
