"""Comparing two models that write the same text in different tokens: pure functions, one number per chunk.

A chunk is the shortest run of tokens that both tokenizers close at the same byte (`students.alignment`). By the chain
rule each model has a probability of writing it, log q(chunk) = sum over its tokens of log q(token | all before), and
at its first token a distribution over its own vocabulary. Here every chunk becomes outcomes that exclude each other:
the chunk itself; its first token with something else after it; and every other first token. They add up to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lightning_modules.losses.chunked import Projection
from lightning_modules.losses.log_probabilities import LOWEST, tempered, wide

__all__ = ["ChunkSide", "Merged", "Vocabularies", "chunk_values", "merged", "shared_outcomes", "sorted_distance"]

LOGITS_AT_ONCE = 2**23
"""Logits of either model alive at a time: 32 MiB in float32, and some ten times that with all that is made of them."""


class Merged(NamedTuple):
    """What a model expects at each chunk: natural log-probabilities, float32 or better; `LOWEST` for the impossible."""

    tokens: Tensor
    """Of every first token but the chunk's own, which has `LOWEST`, [chunks, vocabulary]."""
    chunk: Tensor
    """Of the chunk, all its tokens together, [chunks]."""
    astray: Tensor
    """Of the chunk's first token with something else after it, [chunks]; `LOWEST` for chunks of one token."""
    first: Tensor
    """The chunk's first token, int64 [chunks]."""

    def outcomes(self) -> Tensor:
        """Return all of them, [chunks, vocabulary + 2]."""
        return torch.cat([self.tokens, self.chunk[:, None], self.astray[:, None]], dim=1)


class Vocabularies(NamedTuple):
    """Which tokens two models have in common. Rows of the output layers without a token are in neither's."""

    shared: tuple[Tensor, Tensor]
    """Ids of tokens that write the same bytes: the student's and the teacher's, int64 [shared] each, pair by pair."""
    alone: tuple[Tensor, Tensor]
    """Ids of the tokens that only the student has, and of those that only the teacher has, int64."""
    other: tuple[Tensor, Tensor]
    """For every token of the student the teacher's, -1 where there is none, and the other way round, int64."""

    @property
    def teacher_share(self) -> float:
        """Share of the teacher's tokens that the student has as well."""
        return len(self.shared[1]) / len(self.other[1])

    def to(self, device: torch.device) -> Vocabularies:
        """Return the same on a device."""
        return Vocabularies(*((left.to(device), right.to(device)) for left, right in self))

    @classmethod
    def of(cls, matches: Tensor, student_rows: int, teacher_rows: int) -> Vocabularies:
        """Sort out the rows of two output layers.

        Args:
            matches: For each of the student's tokens the teacher's, -1 for none, int64 [at most student_rows].
            student_rows: Rows of the student's output layer.
            teacher_rows: Rows of the teacher's.
        """
        forth = torch.full((student_rows,), -1).index_copy(0, torch.arange(len(matches)), matches)
        mine = torch.nonzero(forth >= 0)[:, 0]
        back = torch.full((teacher_rows,), -1).index_copy(0, forth[mine], mine)
        alone = torch.nonzero(forth < 0)[:, 0], torch.nonzero(back < 0)[:, 0]
        return cls((mine, forth[mine]), alone, (forth, back))


class ChunkSide(NamedTuple):
    """One model's side of every chunk, before logits are made."""

    hidden: Tensor
    """Final hidden states where the first tokens are predicted, [chunks, features]; without `weight`, their logits."""
    weight: Tensor | None
    """Output embedding, [vocabulary, features]."""
    bias: Tensor | None
    """Its bias, [vocabulary]."""
    first: Tensor
    """The first tokens, int64 [chunks]."""
    later: Tensor
    """Log-probability of the other tokens together at the temperature in use, 0 where there are none, [chunks]."""

    @classmethod
    def of(cls, projection: Projection, chunks: Tensor, targets: Tensor, logs: Tensor) -> ChunkSide:
        """Take the chunks out of a sequence of tokens.

        Args:
            projection: Hidden states and output layer at every token.
            chunks: The chunk of every token, rising from 0, -1 for none, int64 [tokens].
            targets: Id of every token, int64 [tokens].
            logs: Log-probability of every token at the temperature in use, [tokens].
        """
        inside = chunks >= 0
        begins = inside & (chunks != torch.cat([chunks.new_full((1,), -1), chunks[:-1]]))
        going = inside & ~begins
        later = logs.new_zeros(int(begins.sum())).index_add(0, chunks[going], logs[going])
        return cls(projection.hidden[begins], projection.weight, projection.bias, targets[begins], later)

    def at(self, piece: slice) -> ChunkSide:
        """Return some of the chunks."""
        return ChunkSide(self.hidden[piece], self.weight, self.bias, self.first[piece], self.later[piece])

    def merged(self, temperature: float) -> Merged:
        """Make the logits, and of them the outcomes."""
        made = self.hidden if self.weight is None else F.linear(self.hidden, self.weight, self.bias)
        return merged(made, self.first, self.later, temperature)


def merged(logits: Tensor, first: Tensor, later: Tensor, temperature: float = 1.0) -> Merged:
    """Return the outcomes of chunks by the chain rule.

    GOLD's code multiplies the whole distribution at the first token by the probability of the tokens that follow,
    after which it adds up to less than 1; here only the chunk's own entry is multiplied, and what it loses is an
    outcome of its own.

    Args:
        logits: Where the first token is predicted, [chunks, vocabulary].
        first: The first token, int64 [chunks].
        later: Log-probability of the chunk's other tokens together, 0 where there are none, [chunks].
        temperature: Above 0; `later` must be taken at the same.
    """
    logs = tempered(wide(logits), temperature)
    own = logs.gather(1, first[:, None])[:, 0]
    several = later < 0
    remains = torch.log(-torch.expm1(torch.where(several, later, -1.0)))  # log(1 - p), with a slope where it is used
    astray = torch.where(several, own + remains, LOWEST)
    return Merged(logs.scatter(1, first[:, None], LOWEST), (own + later).clamp(min=LOWEST), astray, first)


def shared_outcomes(student: Merged, teacher: Merged, vocabularies: Vocabularies) -> tuple[Tensor, Tensor]:
    """Return the log-probabilities of what both can write, [chunks, shared + 2] each: distributions.

    The outcomes are the shared first tokens, the chunk, and everything else together. The other side's first token is
    with everything else where it differs: on the other side it is the chunk's beginning. What one side cannot write is
    left out on both, as in `log_probabilities`.
    """
    mine = with_rest(student, vocabularies.shared[0], vocabularies.alone[0], vocabularies.other[1][teacher.first])
    other = with_rest(teacher, vocabularies.shared[1], vocabularies.alone[1], vocabularies.other[0][student.first])
    banned = (mine <= LOWEST / 2) | (other <= LOWEST / 2)
    return tempered(mine.masked_fill(banned, -torch.inf), 1.0), tempered(other.masked_fill(banned, -torch.inf), 1.0)


def with_rest(side: Merged, shared: Tensor, alone: Tensor, rival: Tensor) -> Tensor:
    """Return log-probabilities of shared first tokens, chunk and everything else, [chunks, shared + 2].

    Args:
        side: The outcomes.
        shared: Ids of the tokens that the other model has as well, [shared].
        alone: Ids of the others.
        rival: This side's name for the first token of the other side's chunk, -1 where it has none, [chunks].
    """
    place = rival.clamp(min=0)[:, None]
    taken = side.tokens.gather(1, place)
    moved = torch.where(rival[:, None] >= 0, taken, LOWEST)
    tokens = side.tokens.scatter(1, place, torch.where(rival[:, None] >= 0, LOWEST, taken))
    rest = torch.cat([tokens[:, alone], moved, side.astray[:, None]], dim=1).logsumexp(1)
    return torch.cat([tokens[:, shared], side.chunk[:, None], rest[:, None]], dim=1)


def sorted_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the sum of |p - q| over the probabilities of either side, sorted from the largest, [chunks].

    The shorter side is filled with 0. For distributions it is in [0, 2]: the smallest distance over all ways of pairing
    the outcomes up, so that no token's name counts.

    Args:
        student: Natural log-probabilities, [chunks, outcomes].
        teacher: The same, [chunks, any number of outcomes].
    """
    mine, other = (side.exp().sort(1, descending=True).values for side in (student, teacher))
    width = max(mine.shape[1], other.shape[1])
    mine, other = (F.pad(side, (0, width - side.shape[1])) for side in (mine, other))
    return (mine - other).abs().sum(1)


def chunk_values(
    compare: Callable[[Merged, Merged], Tensor],
    student: ChunkSide,
    teacher: ChunkSide,
    temperature: float = 1.0,
    logits_at_once: int = LOGITS_AT_ONCE,
) -> Tensor:
    """Return what is made of every chunk, [chunks]; a few chunks' logits are alive at a time, and made again backwards.

    Args:
        compare: From the outcomes of student and teacher to one number a chunk.
        student: The student's side; gradients go through all its tensors.
        teacher: The teacher's, without gradients.
        temperature: Divides the logits of both.
        logits_at_once: How many logits of either model may be alive at a time; at least one chunk's.
    """
    widest = max(len(side.hidden[0]) if side.weight is None else len(side.weight) for side in (student, teacher))
    rows = max(1, logits_at_once // widest)

    def values(piece: slice, hidden: Tensor, weight: Tensor | None, bias: Tensor | None, later: Tensor) -> Tensor:
        with torch.no_grad():
            other = teacher.at(piece).merged(temperature)
        return compare(ChunkSide(hidden, weight, bias, student.first[piece], later).merged(temperature), other)

    found = []
    for start in range(0, len(student.first), rows):
        piece = slice(start, start + rows)
        mine = student.at(piece)
        found.append(
            checkpoint(
                values, piece, mine.hidden, mine.weight, mine.bias, mine.later,
                use_reentrant=False, preserve_rng_state=False,
            )
        )  # fmt: skip
    return torch.cat(found)
