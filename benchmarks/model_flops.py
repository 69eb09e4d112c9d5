"""The floating-point operations that an update of a Qwen2 must take, whatever a program makes of it.

The usual count (Kaplan et al. 2020, arXiv:2001.08361; Chowdhery et al. 2022, arXiv:2204.02311, appendix B): a weight
that is multiplied with a token costs 2 operations forward, 2 for the gradient of its input and 2 for its own: 6 N a
token. Attention costs 12 * width * length more a layer and token, of which a causal one needs half: with n tokens in a
sequence, 12 * width * n (n + 1) / 2 a layer. Our conventions in it:

- Only useful tokens count, those that the loss depends on: neither padding nor a sequence's last token, which predicts
  nothing. What is computed twice to save memory counts once.
- The output layer counts at supervised positions alone; looking up embeddings counts nothing, nor do norms, softmax,
  rotations and the optimiser.
- Under LoRA the frozen weights need no gradient of their own, so they cost 4, the output layer too; each adapter costs
  6, and attention the same as before. That the gradient ends at the first layer's input is not taken into account.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Flops", "Shape", "update_flops"]


class Shape(NamedTuple):
    """The sizes of a Qwen2."""

    width: int
    """Features of a token."""
    layers: int
    """Transformer blocks."""
    heads: int
    """Attention heads a layer."""
    key_value_heads: int
    """Heads of keys and values a layer."""
    feed_forward: int
    """Inner width of the feed-forward part."""
    vocabulary: int
    """Outputs; the output layer is the embedding (tied)."""

    @property
    def matrices(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of every linear map of a layer."""
        keys = self.width // self.heads * self.key_value_heads
        attention = ((self.width, self.width), (self.width, keys), (self.width, keys), (self.width, self.width))
        inner = self.feed_forward
        return (*attention, (self.width, inner), (self.width, inner), (inner, self.width))

    @property
    def weights(self) -> int:
        """Weights in all linear maps of all layers."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.matrices)

    def adapter_weights(self, rank: int) -> int:
        """Weights of LoRA on all of them."""
        return self.layers * rank * sum(inputs + outputs for inputs, outputs in self.matrices)


class Flops(NamedTuple):
    """Operations of an update, forward and backward."""

    layers: int
    """Linear maps of the layers, adapters included."""
    attention: int
    """Scores and sums of attention."""
    output: int
    """The output layer."""


def update_flops(shape: Shape, lengths: Iterable[int], supervised: int, rank: int | None) -> Flops:
    """Count an update.

    Args:
        shape: The model.
        lengths: Tokens of each sequence, the last one not counted.
        supervised: Positions whose logits are needed.
        rank: Rank of LoRA; None where all weights train.
    """
    lengths = list(lengths)
    factor = 6 if rank is None else 4
    a_token = factor * shape.weights + (0 if rank is None else 6 * shape.adapter_weights(rank))
    pairs = sum(length * (length + 1) // 2 for length in lengths)
    return Flops(
        layers=a_token * sum(lengths),
        attention=12 * shape.layers * shape.width * pairs,
        output=factor * shape.width * shape.vocabulary * supervised,
    )
