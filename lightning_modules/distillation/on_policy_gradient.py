"""The reverse Kullback-Leibler divergence of answers, by policy gradient: what their own tokens tell of it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.divergences import Divergence
from lightning_modules.losses import log_probabilities
from lightning_modules.sampling import Sampling

__all__ = ["SampledReverseKL", "later", "sampled_terms"]


class SampledReverseKL:
    """Minimises KL(q || p) of whole answers, with the log-ratio of the sampled tokens as advantage.

    With q the student, p the teacher, y an answer sampled from q, r_t = log p(y_t) - log q(y_t) and sg(.) through which
    no gradient goes, the loss of a token is

        immediate: "sampled":  -sg(r_t) * rho_t                         (Thinking Machines' on-policy distillation)
                   "exact":    D(teacher, student) at t, the module's divergence
        future:    "none":     nothing
                   "sum":      -sg(r_(t+1) + ... + r_n) * rho_t
                   "mean":     the same divided by n - t, the number of later tokens

    added up, with rho_t = q(y_t) / sg(q(y_t)), which is 1 and has the gradient of log q(y_t): answers are trained right
    after they were written, so the ratio to the student that wrote them is 1.

    On average over answers "sampled" and "exact" (with ReverseKL) have the same gradient, "sampled" with more noise;
    both take what was written before as given. "sampled" with "sum" follows, up to its scale, the gradient of the whole
    answer's reverse KL. Log-ratios are negative on average, so "sum" rewards short answers; "mean" does not. MiniLLM
    (Gu et al. 2023, arXiv:2306.08543) is "exact" with "mean", without its teacher-mixed sampling, clipping and
    pre-training loss (our reading of its length normalisation).

    Args:
        immediate: How the choice of a token is judged by itself.
        future: How it is judged by what the student wrote after it.
        largest_log_ratio: Log-ratios beyond this, up or down, count as this much, in nats; None for no bound. A token
            that the teacher finds all but impossible would otherwise outweigh all others.
    """

    def __init__(
        self,
        immediate: Literal["sampled", "exact"] = "sampled",
        future: Literal["none", "sum", "mean"] = "none",
        largest_log_ratio: float | None = None,
    ) -> None:
        self.immediate = immediate
        self.future = future
        self.largest_log_ratio = largest_log_ratio

    def check(self, sampling: Sampling, temperature: float) -> None:
        """Refuse answers that do not come from the student's own distribution.

        Raises:
            ConfigError: They do not, or a setting is out of range.
        """
        if self.largest_log_ratio is not None and not self.largest_log_ratio > 0:
            raise ConfigError(
                f"SampledReverseKL got largest_log_ratio = {self.largest_log_ratio}. Allowed are values above 0, or "
                "null for no bound. Correct it."
            )
        if not sampling.unbiased or temperature != 1:
            raise ConfigError(
                f"A policy gradient was asked for on {sampling.describe()}, with the divergence at temperature "
                f"{temperature:g}. Its gradient is that of the student's reverse KL only where the student, as it is, "
                "has just written the answers: allowed is temperature 1 for both, top_p 1, no replay, and no server "
                "that gets new weights less often than at every update. Correct them, or leave out `policy_gradient`: "
                "a divergence needs none of that."
            )

    def losses(self, student: Tensor, teacher: Tensor, divergence: Tensor, sequences: Tensor) -> Tensor:
        """Return the loss of every token of the answers, [tokens].

        Args:
            student: log q(y_t), with gradient, [tokens].
            teacher: log p(y_t), [tokens].
            divergence: The module's divergence at the same places, with gradient, [tokens].
            sequences: The number of the answer that each token belongs to, rising, [tokens].
        """
        ratio = (student - student.detach()).exp()
        gain = (teacher - student).detach()
        if self.largest_log_ratio is not None:
            gain = gain.clamp(-self.largest_log_ratio, self.largest_log_ratio)
        losses = divergence if self.immediate == "exact" else -gain * ratio
        if self.future != "none":
            losses = losses - later(gain, sequences, mean=self.future == "mean") * ratio
        return losses

    def describe(self) -> str:
        """Return the loss in words, for the log."""
        now = "divergence" if self.immediate == "exact" else "-advantage * ratio, advantage = log p - log q"
        then = {"none": "", "sum": " of it and of all later tokens", "mean": " and the mean of the later tokens'"}
        return f"{now}{then[self.future]} (policy gradient)"


def sampled_terms(divergence: Divergence, student: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
    """Return log q and log p of the sampled tokens and the divergence, [3, tokens], in float32 or better.

    Args:
        divergence: How far the student is from the teacher.
        student: Logits, [tokens, vocabulary].
        teacher: Logits, [tokens, vocabulary].
        targets: Ids of the sampled tokens, [tokens].
    """
    mine, other = log_probabilities(student, teacher)
    chosen = [side.gather(-1, targets[:, None])[:, 0] for side in (mine, other)]
    return torch.stack([*chosen, divergence.per_token(mine, other).to(mine.dtype)])


def later(values: Tensor, sequences: Tensor, mean: bool) -> Tensor:
    """Return for every token the sum, or the mean, of the values of the later tokens of its sequence; 0 for its last.

    >>> later(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0, 0, 0, 1]), mean=False)
    tensor([5., 3., 0., 0.])

    Args:
        values: [tokens].
        sequences: The number of the sequence that each token belongs to, rising, int64 [tokens].
        mean: Whether to divide by the number of later tokens.
    """
    up_to = values.double().cumsum(0)  # in float32 the difference of two long sums would be rough
    ends = torch.searchsorted(sequences.contiguous(), sequences.contiguous(), right=True) - 1
    sums = up_to[ends] - up_to
    if mean:
        sums = sums / (ends - torch.arange(len(ends), device=ends.device)).clamp(min=1)
    return sums.to(values.dtype)
