"""Sequences of different lengths as one row without padding, in which none sees another.

Everything in a causal model but attention works on each token by itself, so it may run on all real tokens of a batch in
one row, with position ids that start again at every sequence. For attention alone the tokens are put back into rows of
their own, sequences of (about) one length together: they cannot mix, there is no mask, and the fast causal kernels of
every device apply. (From position ids alone transformers 5.23 builds a block-diagonal mask for "sdpa" and "eager", of
the square of all tokens: right as well, but dearer than the padding was. Only its flash kernels, on CUDA, need none.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["ATTENTION", "WORTH_PACKING", "Packed", "Rows", "attention_limit", "pack", "register_attention"]

ATTENTION = "sdpa_by_sequence"
"""The name under which transformers knows our attention."""

WORTH_PACKING = 1.1
"""Places of a padded batch per real token, from which on it is packed: below, cutting and joining costs as much."""

ALIKE = {"cpu": 1.0, "elsewhere": 0.8}
"""Sequences are attended to together if they are at least this share of the longest of them. On a CPU those of one
length, where they lie: cutting others out and joining them costs more than the calls. On a GPU calls are dearer."""


class Packed(NamedTuple):
    """A batch as one row."""

    input_ids: Tensor
    """The real tokens, sequence by sequence, the longest first, int64 [1, tokens]."""
    position_ids: Tensor
    """The position of each in its own sequence, int64 [1, tokens]."""
    places: Tensor
    """Where the wanted positions are in it, int64 [wanted]."""
    rows: tuple[Rows, ...]
    """How attention cuts it."""


def pack(input_ids: Tensor, positions: Tensor) -> Packed | None:
    """Pack a right-padded batch, or return None where that would save too little.

    A row ends with the last of its positions: nothing behind it changes what is predicted there.

    Args:
        input_ids: Right-padded, [rows, time].
        positions: What is wanted, as index into the flattened [rows * time], [wanted].
    """
    rows, width = input_ids.shape
    ends = positions.new_zeros(rows).scatter_reduce(0, positions // width, positions % width, "amax")
    lengths: list[int] = (ends + 1).tolist()
    if rows * width < WORTH_PACKING * sum(lengths):
        return None
    order = sorted(range(rows), key=lambda row: -lengths[row])
    steps = [torch.arange(lengths[row]) for row in order]
    device = input_ids.device
    share = ALIKE.get(device.type, ALIKE["elsewhere"])
    taken = torch.cat([row * width + step for row, step in zip(order, steps, strict=True)]).to(device)
    token_of = positions.new_zeros(rows * width).index_copy(0, taken, torch.arange(len(taken), device=device))
    return Packed(
        input_ids.flatten()[taken][None],
        torch.cat(steps).to(device)[None],
        token_of[positions],
        tuple(Rows.of(alike, device) for alike in runs([lengths[row] for row in order], share)),
    )


def runs(lengths: Sequence[int], share: float) -> Iterator[list[int]]:
    """Cut falling lengths into runs in which each is at least a share of the first.

    >>> list(runs([100, 90, 70, 70, 9], 0.8))
    [[100, 90], [70, 70], [9]]
    """
    run: list[int] = []
    for length in lengths:
        if run and length < share * run[0]:
            yield run
            run = []
        run.append(length)
    yield run


@dataclass(frozen=True)
class Rows:
    """Some sequences of a packed row that are attended to together, as rows padded to the longest of them.

    Not a tuple of tensors: it travels through the model's keyword arguments, and nothing there shall look inside.
    """

    shape: tuple[int, int]
    """Sequences, and tokens of the longest."""
    tokens: int
    """Tokens of all of them."""
    token_of_place: Tensor | None
    """For every place of [rows * time]: the token there, for padding any one, int64; None where nothing is padded."""
    place_of_token: Tensor
    """For every token its place, int64 [tokens]."""

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> Rows:
        """Lay out sequences of these lengths."""
        real = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).flatten()
        place_of_token = real.nonzero()[:, 0].to(device)
        token_of_place = None if real.all() else (real.cumsum(0) - 1).to(device)
        return cls((len(lengths), max(lengths)), sum(lengths), token_of_place, place_of_token)

    def apart(self, packed: Tensor) -> Tensor:
        """Return [1, heads, tokens, features] as [rows, heads, time, features]."""
        if self.shape[0] == 1:
            return packed
        flat = packed.squeeze(0).transpose(0, 1)  # not packed[0]: its backward pass fills a tensor with zeros first
        if self.token_of_place is not None:
            flat = spread(flat, self.token_of_place, self.place_of_token)
        return flat.reshape(*self.shape, *flat.shape[1:]).transpose(1, 2)

    def together(self, apart: Tensor) -> Tensor:
        """Return [rows, time, heads, features] as [tokens, heads, features]."""
        flat = apart.flatten(0, 1)
        return flat if self.token_of_place is None else flat.index_select(0, self.place_of_token)


class Spread(torch.autograd.Function):
    """Takes rows of a matrix, some twice, of which only the first counts; the backward pass takes as well.

    Padding holds copies of real tokens. Nothing real attends to it, so its gradient is zero, and adding it up (which is
    slow, and on CUDA in no fixed order) can be left out.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, there: Tensor, back: Tensor) -> Tensor:
        """Return rows[there]."""
        ctx.save_for_backward(back)
        return rows.index_select(0, there)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Return the gradient of the rows."""
        (back,) = ctx.saved_tensors
        return gradients[0].index_select(0, back), None, None


spread: Any = Spread.apply


def attention_by_sequence(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    rows_of_sequences: tuple[Rows, ...] = (),
    **settings: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend inside each sequence of a packed row; without a layout, as "sdpa" does."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    attend: Any = sdpa_attention_forward
    if not rows_of_sequences:
        return attend(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    tokens = [rows.tokens for rows in rows_of_sequences]
    outputs = []
    cut = [torch.split(states, tokens, dim=2) for states in (query, key, value)]
    for rows, *states in zip(rows_of_sequences, *cut, strict=True):
        output, _ = attend(module, *(rows.apart(x) for x in states), None, **settings)
        outputs.append(rows.together(output))
    return torch.cat(outputs)[None], None


def register_attention() -> None:
    """Make our attention known to transformers; masks are those of "sdpa"."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(ATTENTION, attention_by_sequence)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def attention_limit(config: Any) -> int | None:
    """Return the longest sequence all of which every token sees; None where there is no limit.

    Sliding windows and chunks are masks, and packed rows have none.
    """
    text = config.get_text_config()
    limits = [getattr(text, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return min((limit for limit in limits if limit), default=None)
