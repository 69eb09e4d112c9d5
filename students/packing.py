"""Sequences of different lengths as one row without padding, in which none sees another.

Everything in a causal model but attention works on each token by itself, so it may run on all real tokens of a batch in
one row, with position ids that start again at every sequence. For attention alone the tokens are put back into rows of
their own, sequence by sequence: sequences cannot mix, there is no mask, and the fast causal kernels of every device
apply. (From position ids alone transformers 5.23 builds a block-diagonal mask for "sdpa" and "eager", of the square of
all tokens: right as well, but it costs more than the padding did; only its flash kernels, on CUDA, need no such mask.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["ATTENTION", "WORTH_PACKING", "Rows", "attention_limit", "register_attention"]

ATTENTION = "sdpa_by_sequence"
"""The name under which transformers knows our attention."""

WORTH_PACKING = 1.05
"""Places of a padded batch per real token, from which on packing is faster than the padding that it saves."""


@dataclass(frozen=True)
class Rows:
    """Where the tokens of a padded batch are in its packed form, and back.

    Not a tensor and not a tuple of tensors: it travels through the model's keyword arguments untouched.
    """

    shape: tuple[int, int]
    """Rows and longest sequence of the padded batch, without columns that are padding everywhere."""
    token_of_place: Tensor
    """For every place of [rows * time]: the packed token there; for padding any token, int64 [rows * time]."""
    place_of_token: Tensor
    """For every packed token: its place, int64 [tokens]."""
    position_ids: Tensor
    """Position of every packed token in its own sequence, int64 [1, tokens]."""

    @classmethod
    def of(cls, input_ids: Tensor, positions: Tensor) -> tuple[Rows, Tensor, Tensor] | None:
        """Pack a right-padded batch, or return None where that would save too little.

        A row ends with the last of its positions: nothing behind it changes what is predicted there.

        Args:
            input_ids: Right-padded, [rows, time].
            positions: What is wanted, as index into the flattened [rows * time], [wanted].

        Returns:
            The rows, the packed ids [1, tokens], and the packed index of every position [wanted].
        """
        rows, width = input_ids.shape
        ends = positions.new_zeros(rows).scatter_reduce(0, positions // width, positions % width, "amax")
        real = torch.arange(width, device=ends.device) <= ends[:, None]  # [rows, time]
        longest, tokens = torch.stack([ends.max() + 1, real.sum()]).tolist()
        if rows * width < WORTH_PACKING * tokens:
            return None
        real = real[:, :longest].flatten()
        token_of_place = real.cumsum(0) - 1
        place_of_token = real.nonzero()[:, 0]
        made = cls((rows, longest), token_of_place, place_of_token, place_of_token[None] % longest)
        packed = input_ids[:, :longest].flatten()[place_of_token][None]
        return made, packed, token_of_place[positions // width * longest + positions % width]

    def apart(self, packed: Tensor) -> Tensor:
        """Return [1, heads, tokens, features] as [rows, heads, time, features]."""
        flat: Tensor = rearrange(packed[0].transpose(0, 1), self.token_of_place, self.place_of_token)
        return flat.view(*self.shape, *flat.shape[1:]).transpose(1, 2)

    def together(self, apart: Tensor) -> Tensor:
        """Return [rows, time, heads, features] as [1, tokens, heads, features]."""
        packed: Tensor = rearrange(apart.flatten(0, 1), self.place_of_token, self.token_of_place, True)
        return packed[None]


class Rearranged(torch.autograd.Function):
    """Takes some rows of a matrix; the backward pass is a gather as well, not a scatter that adds up.

    That needs that every row counts once. Padding holds copies of real tokens, but nothing real attends to it, so its
    gradient is zero and is left out.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, there: Tensor, back: Tensor, to_tokens: bool = False) -> Tensor:
        """Return rows[there]."""
        ctx.save_for_backward(there, back)
        ctx.to_tokens, ctx.places = to_tokens, len(rows)
        return rows.index_select(0, there)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Return the gradient of the rows, zero where none was taken."""
        there, back = ctx.saved_tensors
        (gradient,) = gradients
        if not ctx.to_tokens:
            return gradient.index_select(0, back), None, None, None
        whole = gradient.new_zeros(ctx.places, *gradient.shape[1:])
        return whole.index_copy(0, there, gradient), None, None, None


rearrange: Any = Rearranged.apply


def attention_by_sequence(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    rows_of_sequences: Rows | None = None,
    **settings: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend inside each sequence of a packed row; without a layout, as "sdpa" does."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    attend: Any = sdpa_attention_forward
    if rows_of_sequences is None:
        return attend(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    apart = [rows_of_sequences.apart(states) for states in (query, key, value)]
    output, _ = attend(module, *apart, None, **settings)
    return rows_of_sequences.together(output), None


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
