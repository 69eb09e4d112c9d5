"""From the logits of student and teacher to log-probabilities that can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["LOWEST", "LogProbabilities", "TopK", "log_probabilities", "top_k_log_probabilities", "wide"]

LOWEST = -1e30
"""Log-probability of what cannot happen: its exponential is exactly 0, and unlike -inf it can be multiplied by that."""


class LogProbabilities(NamedTuple):
    """The two distributions at every position, over the same outcomes, float32 or better."""

    student: Tensor
    """Natural logarithms, [tokens, outcomes]; `LOWEST` where an outcome cannot happen."""
    teacher: Tensor
    """The same of the teacher, [tokens, outcomes]."""


@dataclass(frozen=True)
class TopK:
    """What is known of a teacher that told its most probable tokens only."""

    ids: Tensor
    """Distinct token ids, int64 [tokens, k]."""
    log_probabilities: Tensor
    """Their natural logarithms at temperature 1, [tokens, k]."""
    tail: Tensor
    """Probability of all other tokens together, in [0, 1], [tokens]."""

    def __getitem__(self, piece: slice) -> TopK:
        """Return what is known at some of the positions."""
        return TopK(self.ids[piece], self.log_probabilities[piece], self.tail[piece])

    def rows(self, piece: slice, room: Tensor | None) -> TopK:
        """Return the same as `[piece]`; see `Projection.rows`."""
        return self[piece]

    def room(self, rows: int) -> None:
        """Return nothing: all is there already."""


def log_probabilities(student_logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0) -> LogProbabilities:
    """Return log softmax(logits / temperature) of both, over the tokens that both can write.

    A token with a logit of -inf on either side is left out on both: a divergence over different sets of tokens would
    be infinite, and no gradient could mend it. Where the vocabularies differ in size, the first ids, which both have,
    are compared.

    Args:
        student_logits: [tokens, vocabulary], of any precision.
        teacher_logits: [tokens, vocabulary], of any precision.
        temperature: Above 0; both are divided by it.
    """
    common = min(student_logits.shape[-1], teacher_logits.shape[-1])
    student, teacher = wide(student_logits[..., :common]), wide(teacher_logits[..., :common])
    return LogProbabilities(*(tempered(logits, temperature) for logits in allowed(student, teacher)))


def top_k_log_probabilities(student_logits: Tensor, teacher: TopK, temperature: float = 1.0) -> LogProbabilities:
    """Return the log-probabilities of the teacher's k tokens and, as outcome k + 1, of all others, if there are any.

    Leaving out the tail and renormalising would tell the student that nothing else is ever said. At a temperature T
    both distributions over the k + 1 outcomes become p^(1/T) / sum p^(1/T), since the single tokens of the tail are not
    known: only at T = 1 do k outcomes and tail say what the whole vocabulary says, coarsely.

    Args:
        student_logits: [tokens, vocabulary], of any precision.
        teacher: What is known of the teacher at the same positions.
        temperature: Above 0.
    """
    logits = wide(student_logits)
    known = teacher.log_probabilities.to(logits.dtype)
    if teacher.ids.shape[-1] < logits.shape[-1]:
        kept, others = KeptAndOthers.apply(logits, teacher.ids)  # type: ignore[no-untyped-call]
        nobody = others < LOWEST / 2  # every other token is masked
        student = torch.cat([kept, others.masked_fill(nobody, -torch.inf)], -1)
        known = torch.cat([known, teacher.tail.to(logits.dtype).clamp(min=0).log()[..., None]], -1)
    else:
        student = logits.gather(-1, teacher.ids)
    return LogProbabilities(*(tempered(logs, temperature) for logs in allowed(student, known)))


class KeptAndOthers(torch.autograd.Function):
    """The logits of some tokens, and the logarithm of the sum of all others' exponentials.

    Its backward pass goes over the vocabulary once, where torch's for gathering, scattering and adding up go six times.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the tokens, [tokens, k], and of all others together, [tokens, 1]."""
        # Not log(1 - sum of the k): a student that is sure of them would leave nothing but rounding.
        others = logits.scatter(-1, ids, LOWEST).logsumexp(-1, keepdim=True)
        ctx.save_for_backward(logits, ids, others)
        return logits.gather(-1, ids), others

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, kept: Tensor, others: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the logits."""
        logits, ids, whole = ctx.saved_tensors
        slope = (logits - whole).exp_().mul_(others)
        return slope.scatter_(-1, ids, kept), None  # over what was made for them, which may be infinite


def allowed(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Return both with -inf for every outcome that has it on either side, [tokens, outcomes]."""
    if not (torch.isneginf(student.amin()) | torch.isneginf(teacher.amin())):
        return student, teacher  # nearly always: masking would take a third of the time of a divergence (measured)
    banned = torch.isneginf(student) | torch.isneginf(teacher)
    return student.masked_fill(banned, -torch.inf), teacher.masked_fill(banned, -torch.inf)


def tempered(logits: Tensor, temperature: float) -> Tensor:
    """Return log softmax(logits / temperature), `LOWEST` where a logit is -inf; no gradient goes through there."""
    logs = (logits if temperature == 1 else logits / temperature).log_softmax(-1)
    return logs.clamp(min=LOWEST) if torch.isneginf(logs.detach().amin()) else logs


def wide(values: Tensor) -> Tensor:
    """Return the values in float32 or better."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()
