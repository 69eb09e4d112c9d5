"""Terms of a loss that need the logits of student and teacher, without ever holding all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_modules.losses.log_probabilities import TopK
from students.split_model import SplitModel

__all__ = ["Projection", "Terms", "chunked_terms", "projection_of"]

Terms = Callable[[Tensor, Any, Tensor], Tensor]
"""From student logits [chunk, vocabulary], what the teacher says of these tokens (its logits, or a `TopK`) and the ids
to be predicted [chunk] to terms of the loss, [terms, chunk]. Every token's terms may depend on its own logits only."""


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

    def rows(self, piece: slice, room: Tensor | None) -> Tensor:
        """Return the logits of some tokens, [piece, vocabulary], in a room that is as long or longer."""
        hidden = self.hidden[piece]
        if self.weight is None or room is None:
            return hidden
        there = room[: len(hidden)]
        if self.bias is None:
            return torch.mm(hidden, self.weight.T, out=there)
        return torch.addmm(self.bias, hidden, self.weight.T, out=there)

    def room(self, rows: int) -> Tensor | None:
        """Return room for the logits of so many tokens, [rows, vocabulary]; None where they are there already.

        It is used for one block after the other: a CPU's allocator would keep several such blocks (measured).
        """
        return None if self.weight is None else self.hidden.new_empty(rows, self.vocabulary)

    def in_compute_format(self) -> Projection:
        """Return it without gradients, in the format that products are computed in: autocast's where it is on."""
        device = self.hidden.device.type
        if torch.is_autocast_enabled(device):
            kind = torch.get_autocast_dtype(device)
        else:
            kind = self.hidden.dtype if self.weight is None else self.weight.dtype
        return Projection(*(tensor if tensor is None else tensor.detach().to(kind) for tensor in self))  # type: ignore[arg-type]


class Sizes(NamedTuple):
    """How much is made at a time, in logits of one model."""

    block: int
    """What the output layers make in one product. Each adds to the gradient of the whole output layer: fewer are
    faster, as that is large."""
    piece: int
    """What the terms are made of, with some thirty tensors of this size: what fits into a cache is faster."""

    @classmethod
    def of(cls, device: torch.device, student: Projection) -> Sizes:
        """Return what suits a device and a student.

        On a CPU 2 x 32 MiB, or twice an eighth of the output layer where that is more, and 30 x 1 MiB in float32: with
        151,936 x 896 weights a quarter of the time is saved (both measured). Elsewhere it is our guess.
        """
        if device.type != "cpu":
            return cls(2**26, 2**24)
        return cls(max(2**23, 0 if student.weight is None else student.weight.numel() // 8), 2**18)


def projection_of(split: SplitModel, input_ids: Tensor, positions: Tensor) -> Projection:
    """Run a model up to its output layer at some positions.

    Args:
        split: The model; one that is no plain decoder with output layer gives its whole logits.
        input_ids: Right-padded, [rows, time].
        positions: Indices into the flattened [rows * time], [tokens].
    """
    made = split.at(input_ids, positions)
    if not split.splits:
        return Projection(made)
    head = split.causal.get_output_embeddings()
    return Projection(made, head.weight, head.bias)


def chunked_terms(
    terms: Terms,
    student: Projection,
    teacher: Projection | TopK,
    targets: Tensor,
    slopes: Tensor | None = None,
    sizes: Sizes | None = None,
) -> Tensor:
    """Return the terms of every token, [terms, tokens], float32 or better, made chunk by chunk.

    The gradient goes to the student's hidden states and output layer, never to the teacher. Where it is known
    beforehand what the terms will be multiplied with, as in a weighted sum, each chunk's gradient is made right after
    the chunk, and the backward pass only scales; otherwise the backward pass makes every chunk again.

    Args:
        terms: What is made of the logits.
        student: The student's hidden states and output layer.
        teacher: What the teacher says at the same positions.
        targets: Ids to be predicted, [tokens].
        slopes: The gradient that the terms will get, up to one factor common to all, [terms, tokens], in the format of
            the terms. If they then get another, that counts; only the time for the first is lost.
        sizes: How much is made at a time; None for what suits the device.
    """
    learns = torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in student)
    work = Work(
        terms=terms,
        student=student.in_compute_format(),
        teacher=teacher.in_compute_format() if isinstance(teacher, Projection) else teacher,
        targets=targets,
        sizes=sizes or Sizes.of(targets.device, student),
    )
    made: Tensor = ChunkedTerms.apply(work, slopes if learns else None, *student)  # type: ignore[no-untyped-call]
    return made


@dataclass(frozen=True)
class Work:
    """All that the terms are made of."""

    terms: Terms
    student: Projection
    teacher: Projection | TopK
    targets: Tensor
    sizes: Sizes

    def values(self) -> Tensor:
        """Return the terms, [terms, tokens]."""
        found = [
            self.terms(mine, said, targets) for block in self.blocks() for _, mine, said, targets in block.pieces()
        ]
        return torch.cat(found, dim=1)

    def with_gradients(self, slopes: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor, list[Tensor | None]]:
        """Return the terms and the gradients of the student's hidden states, output embedding and bias.

        Args:
            slopes: Gradient of every term, [terms, tokens].
            wanted: Which of the three are needed.
        """
        made = [zeros(t) if t is not None and w else None for t, w in zip(self.student, wanted, strict=True)]
        hidden, weight, bias = made
        values = torch.empty_like(slopes)  # many small tensors between large ones would leave a CPU's memory in pieces
        for block in self.blocks():
            slope = block.slope_room()
            for piece, mine, said, targets in block.pieces():
                with torch.enable_grad():
                    leaf = mine.detach().requires_grad_()
                    value = self.terms(leaf, said, targets)
                (slope[piece],) = torch.autograd.grad(value, leaf, slopes[:, block.tokens][:, piece])
                values[:, block.tokens][:, piece] = value.detach()
            if hidden is not None:
                hidden[block.tokens] = slope if self.student.weight is None else slope @ self.student.weight
            if weight is not None:
                add_product(weight, slope.T, self.student.hidden[block.tokens])
            if bias is not None:
                bias += slope.sum(0)
        return values, made

    def blocks(self) -> Iterator[Block]:
        """Yield the tokens whose logits are made in one product."""
        rows, piece_rows = (max(1, size // self.student.vocabulary) for size in self.sizes)
        rows = min(rows, len(self.targets))
        rooms = self.student.room(rows), self.teacher.room(rows)
        for start in range(0, len(self.targets), rows):
            tokens = slice(start, start + rows)
            mine, said = self.student.rows(tokens, rooms[0]), self.teacher.rows(tokens, rooms[1])
            yield Block(tokens, mine, said, self.targets[tokens], piece_rows, owned=rooms[0] is not None)


@dataclass(frozen=True)
class Block:
    """Some tokens with all their logits."""

    tokens: slice
    mine: Tensor
    said: Tensor | TopK
    targets: Tensor
    piece_rows: int
    owned: bool
    """Whether `mine` belongs to nobody else."""

    def pieces(self) -> Iterator[tuple[slice, Tensor, Tensor | TopK, Tensor]]:
        """Yield pieces of the block: where, student logits, what the teacher says, targets."""
        for start in range(0, len(self.targets), self.piece_rows):
            piece = slice(start, start + self.piece_rows)
            yield piece, self.mine[piece], self.said[piece], self.targets[piece]

    def slope_room(self) -> Tensor:
        """Return where the logits' gradients go: over the logits, which nobody needs once their terms are made."""
        return self.mine if self.owned else torch.empty_like(self.mine)


class ChunkedTerms(torch.autograd.Function):
    """The terms of a `Work`, whose gradients are made in the forward pass where the slopes are known then.

    Checkpointing would do, but for each chunk it makes a new gradient of the whole output layer and adds it up; here
    all chunks add to one, in float32 or better.
    """

    @staticmethod
    def forward(ctx: Any, work: Work, slopes: Tensor | None, *student: Any) -> Any:
        """Return the terms, [terms, tokens]."""
        ctx.work, ctx.slopes, ctx.made = work, slopes, None
        ctx.formats = [None if tensor is None else tensor.dtype for tensor in student]
        with torch.autocast(work.targets.device.type, enabled=False):
            if slopes is None:
                return work.values()
            values, ctx.made = work.with_gradients(slopes, ctx.needs_input_grad[2:])
            return values

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """Return the gradients of hidden states, output embedding and its bias."""
        made, ctx.made = ctx.made, None  # given away and changed below: a second backward pass makes them again
        factor = None if made is None else common_factor(gradient, ctx.slopes)
        if factor is None:
            with torch.autocast(gradient.device.type, enabled=False):
                _, made = ctx.work.with_gradients(gradient, ctx.needs_input_grad[2:])
        else:
            made = [tensor if tensor is None else tensor.mul_(factor) for tensor in made]
        formats = zip(made, ctx.formats, strict=True)
        return (None, None, *(tensor if tensor is None else tensor.to(kind) for tensor, kind in formats))


def common_factor(gradient: Tensor, slopes: Tensor) -> Tensor | None:
    """Return the number that the slopes must be multiplied with to give the gradient, [], or None if there is none."""
    largest = slopes.abs().argmax()
    slope = slopes.flatten()[largest]
    factor = torch.where(slope == 0, slope, gradient.flatten()[largest] / slope)
    tolerance = 16 * torch.finfo(gradient.dtype).eps
    return factor if torch.allclose(gradient, slopes * factor, rtol=tolerance, atol=0) else None


def zeros(like: Tensor) -> Tensor:
    """Return zeros in float32 or better, for sums."""
    return torch.zeros_like(like, dtype=torch.promote_types(like.dtype, torch.float32))


def add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add left @ right to a total that may be in a wider format."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)  # in place: the product is as large as an output layer
    else:
        total += left @ right
