"""Terms of a loss that need the logits of student and teacher, without ever holding all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from students.split_model import SplitModel

__all__ = ["LOGITS_OF_A_CHUNK", "Projection", "Terms", "chunked_terms", "projection_of"]

LOGITS_OF_A_CHUNK = 2**23
"""Logits of either model alive at a time: 32 MiB in float32, and up to twenty times that with all that is made of them.

Smaller chunks need less (2**22: half of it at the same speed, measured on one CPU core with 49,152 x 256), but add to
the gradient of the whole output layer more often.
"""

Terms = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From student logits [chunk, vocabulary], teacher logits [chunk, vocabulary] and ids to be predicted [chunk] to terms
of the loss, [terms, chunk]. Every token's terms may depend on its own logits only."""


class Projection(NamedTuple):
    """Logits that are not made yet: hidden states and output layer; or logits, of a model that is no such pair."""

    hidden: Tensor
    """Final hidden states of the supervised positions, [tokens, features]; without `weight`, their logits."""
    weight: Tensor | None = None
    """Output embedding, [vocabulary, features]."""
    bias: Tensor | None = None
    """Its bias, [vocabulary]."""

    @property
    def vocabulary(self) -> int:
        """Number of logits a token."""
        return int(self.hidden.shape[1] if self.weight is None else self.weight.shape[0])

    def compute_format(self) -> torch.dtype:
        """Return the format that products are computed in: autocast's where it is on."""
        device = self.hidden.device.type
        if torch.is_autocast_enabled(device):
            return torch.get_autocast_dtype(device)
        return self.hidden.dtype if self.weight is None else self.weight.dtype


def projection_of(split: SplitModel, input_ids: Tensor, positions: Tensor) -> Projection:
    """Run a model up to its output layer at some positions.

    Args:
        split: The model; one that is no plain decoder with output layer gives its whole logits.
        input_ids: Right-padded, [rows, time].
        positions: Indices into the flattened [rows * time], [tokens].
    """
    if not split.splits:
        return Projection(split.model(input_ids=input_ids, use_cache=False).logits.flatten(0, 1)[positions])
    head = split.causal.get_output_embeddings()
    return Projection(split.hidden(input_ids).flatten(0, 1)[positions], head.weight, head.bias)


def chunked_terms(
    terms: Terms,
    student: Projection,
    teacher: Projection,
    targets: Tensor,
    logits_at_once: int = LOGITS_OF_A_CHUNK,
) -> Tensor:
    """Return the terms of every token, [terms, tokens], chunk by chunk; the backward pass makes each chunk again.

    The gradient goes to the student's hidden states and output layer, never to the teacher.

    Args:
        terms: What is made of the logits.
        student: The student's hidden states and output layer.
        teacher: The teacher's at the same positions.
        targets: Ids to be predicted, [tokens].
        logits_at_once: How many logits of either model may be alive at a time; a chunk is at least one token.
    """
    rows = max(1, logits_at_once // max(student.vocabulary, teacher.vocabulary))
    formats = student.compute_format(), teacher.compute_format()
    held = Projection(*(None if tensor is None else tensor.detach() for tensor in teacher))  # type: ignore[arg-type]
    result: Tensor = ChunkedTerms.apply(terms, rows, formats, held, targets, *student)  # type: ignore[no-untyped-call]
    return result


class Chunks:
    """The logits of both models, chunk by chunk.

    Args:
        rows: Tokens of a chunk.
        formats: Formats that the student's and the teacher's logits are computed in.
        student: Hidden states and output layer.
        teacher: Hidden states and output layer.
    """

    def __init__(
        self, rows: int, formats: tuple[torch.dtype, torch.dtype], student: Projection, teacher: Projection
    ) -> None:
        self.rows = rows
        self.student, self.teacher = (
            # Once for all chunks: output layers are large.
            side._replace(**{name: tensor.to(kind) for name, tensor in side._asdict().items() if tensor is not None})
            for side, kind in zip((student, teacher), formats, strict=True)
        )

    def __iter__(self) -> Any:
        """Yield (slice of tokens, student logits, teacher logits)."""
        for start in range(0, len(self.student.hidden), self.rows):
            piece = slice(start, start + self.rows)
            yield piece, logits(self.student, piece), logits(self.teacher, piece)


def logits(side: Projection, piece: slice) -> Tensor:
    """Return the logits of a chunk, [chunk, vocabulary]."""
    return side.hidden[piece] if side.weight is None else F.linear(side.hidden[piece], side.weight, side.bias)


class ChunkedTerms(torch.autograd.Function):
    """Terms whose backward pass makes every chunk's logits again.

    Checkpointing would do, but for each chunk it makes a new gradient of the whole output layer and adds it up; here
    all chunks add to one, in float32 or better.
    """

    @staticmethod
    def forward(
        ctx: Any, terms: Terms, rows: int, formats: Any, teacher: Projection, targets: Tensor, *student: Any
    ) -> Any:
        """Return the terms, [terms, tokens]."""
        ctx.terms, ctx.rows, ctx.formats, ctx.device = terms, rows, formats, targets.device.type
        ctx.save_for_backward(targets, *teacher, *student)
        with torch.autocast(ctx.device, enabled=False):
            chunks = Chunks(rows, formats, Projection(*student), teacher)
            return torch.cat([terms(mine, other, targets[piece]) for piece, mine, other in chunks], dim=1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """Return the gradients of hidden states, output embedding and its bias."""
        targets, *tensors = ctx.saved_tensors
        teacher, student = Projection(*tensors[:3]), Projection(*tensors[3:])
        wanted = ctx.needs_input_grad[5:]
        sums = [zeros(t) if t is not None and w else None for t, w in zip(student, wanted, strict=True)]
        hidden, weight, bias = sums
        with torch.autocast(ctx.device, enabled=False):
            chunks = Chunks(ctx.rows, ctx.formats, student, teacher)
            for piece, logits_of_chunk, other in chunks:
                with torch.enable_grad():
                    mine = logits_of_chunk.detach().requires_grad_()
                    values = ctx.terms(mine, other, targets[piece])
                (slope,) = torch.autograd.grad(values, mine, gradient[:, piece])
                if hidden is not None:
                    hidden[piece] = slope if chunks.student.weight is None else slope @ chunks.student.weight
                if weight is not None:
                    add_product(weight, slope.T, chunks.student.hidden[piece])
                if bias is not None:
                    bias += slope.sum(0)
        made = [s if s is None or t is None else s.to(t.dtype) for s, t in zip(sums, student, strict=True)]
        return (None, None, None, None, None, *made)


def zeros(like: Tensor) -> Tensor:
    """Return zeros in float32 or better, for sums."""
    return torch.zeros_like(like, dtype=torch.promote_types(like.dtype, torch.float32))


def add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add left @ right to a total that may be in a wider format."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)  # in place: the product is as large as an output layer
    else:
        total += left @ right
