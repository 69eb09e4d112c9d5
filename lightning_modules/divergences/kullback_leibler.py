"""The Kullback-Leibler divergence in both directions, and weighted sums of the two."""

from __future__ import annotations

from torch import Tensor

from lightning_modules.divergences.base import Divergence, check_share
from lightning_modules.losses.divergences import adaptive_kl, forward_kl, reverse_kl, symmetric_kl

__all__ = ["AdaptiveKL", "ForwardKL", "ReverseKL", "SymmetricKL"]


class ForwardKL(Divergence):
    """KL(p || q) = sum_v p_v log(p_v / q_v), with p the teacher and q the student.

    After Hinton et al. 2015 (arXiv:1503.02531), who minimise the cross-entropy, which has the same gradient. The
    student must cover everything the teacher might say; a small one spreads itself thin. The teacher's entropy is not
    left out, so that 0 means agreement.
    """

    def per_token(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return KL(p || q), [tokens]."""
        return forward_kl(student, teacher)


class ReverseKL(Divergence):
    """KL(q || p) = sum_v q_v log(q_v / p_v), with p the teacher and q the student.

    The student must say nothing that the teacher would not, and may leave out what it cannot learn. Here it is the
    exact sum over the vocabulary at every position of the given text; MiniLLM (Gu et al. 2023, arXiv:2306.08543) takes
    it over the student's own text.
    """

    def per_token(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return KL(q || p), [tokens]."""
        return reverse_kl(student, teacher)


class SymmetricKL(Divergence):
    """(1 - lambda) KL(p || q) + lambda KL(q || p), as in DistiLLM's code (Ko et al. 2024, arXiv:2402.03898).

    Args:
        reverse_share: lambda, the weight of KL(q || p), in [0, 1]; 0.9 in DistiLLM's code.
    """

    def __init__(self, reverse_share: float = 0.5) -> None:
        self.reverse_share = reverse_share

    def per_token(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the weighted sum of both directions, [tokens]."""
        return symmetric_kl(student, teacher, self.reverse_share)

    def check(self) -> None:
        """Refuse a share outside [0, 1]."""
        check_share(self, "reverse_share", self.reverse_share, ends=True)


class AdaptiveKL(Divergence):
    """AKL: KL(p || q) as far as the gap lies in the teacher's head, KL(q || p) as far as in its tail.

    g_h / (g_h + g_t) KL(p || q) + g_t / (g_h + g_t) KL(q || p) for every token (Wu et al. 2024, arXiv:2404.02657), with
    g_h and g_t the sums of |p - q| over head and tail, through which no gradient goes. The head is, as in the authors'
    code, the most probable token and the next ones as long as their cumulated p is at most mu: the token that crosses
    mu is left out. It sorts the vocabulary at every position, which takes time.

    Args:
        head_mass: mu, the probability of the teacher's head, above 0 and below 1; 0.5 in the authors' code.
    """

    needs_every_token = True  # the tail is half of what it weighs

    def __init__(self, head_mass: float = 0.5) -> None:
        self.head_mass = head_mass

    def per_token(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the sum weighted by the gaps, [tokens]."""
        return adaptive_kl(student, teacher, self.head_mass)

    def check(self) -> None:
        """Refuse a mass outside (0, 1)."""
        check_share(self, "head_mass", self.head_mass, ends=False)
