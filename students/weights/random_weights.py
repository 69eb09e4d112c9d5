"""A small model that starts from nothing: a Llama configuration initialised at random from a seed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from lessons.errors import ConfigError
from students.characters import CharacterTokenizer, TokenizerRecipe
from students.weights.base import Loaded, Weights

if TYPE_CHECKING:
    from students.heavy_types import LlamaConfig, PreTrainedModel, PreTrainedTokenizerBase, torch

__all__ = ["RandomWeights"]


class RandomWeights(Weights):
    """A Llama of any size with random weights; the defaults make about one million parameters.

    Args:
        hidden_size: Width of the residual stream; a multiple of twice the number of heads.
        layers: Number of transformer blocks.
        heads: Attention heads a layer.
        feed_forward_size: Inner width of the feed-forward part; None for four times the hidden size.
        max_positions: Longest sequence in tokens.
        tie_embeddings: Whether the output layer shares the input embedding's weights.
        tokenizer: How the tokenizer is made; None for single characters of printable ASCII.
        seed: Seed of the initialisation: equal seeds give equal weights, whatever ran before.
    """

    def __init__(
        self,
        hidden_size: int = 128,
        layers: int = 4,
        heads: int = 4,
        feed_forward_size: int | None = None,
        max_positions: int = 2048,
        tie_embeddings: bool = True,
        tokenizer: TokenizerRecipe | None = None,
        seed: int = 0,
    ) -> None:
        self.hidden_size = hidden_size
        self.layers = layers
        self.heads = heads
        self.feed_forward_size = feed_forward_size
        self.max_positions = max_positions
        self.tie_embeddings = tie_embeddings
        self.tokenizer = tokenizer
        self.seed = seed

    @property
    def name(self) -> str:
        """The shape in words."""
        return f"random-llama-{self.layers}x{self.hidden_size}-seed{self.seed}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over configuration, vocabulary and seed."""
        tokenizer = self.load_tokenizer()
        parts = [self.config(tokenizer).to_dict(), tokenizer.get_vocab(), tokenizer.chat_template, self.seed]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """Build the tokenizer."""
        return (self.tokenizer or CharacterTokenizer()).build()

    def config(self, tokenizer: PreTrainedTokenizerBase) -> LlamaConfig:
        """Return the model's configuration for this vocabulary."""
        from transformers import LlamaConfig

        if self.hidden_size % (2 * self.heads):
            raise ConfigError(
                f"A hidden size of {self.hidden_size} does not split over {self.heads} heads: rotary positions need an "
                f"even width a head. Allowed are multiples of {2 * self.heads}; change `hidden_size` or `heads`."
            )
        return LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=self.hidden_size,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            intermediate_size=self.feed_forward_size or 4 * self.hidden_size,
            max_position_embeddings=self.max_positions,
            tie_word_embeddings=self.tie_embeddings,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )

    def outline(self) -> PreTrainedModel:
        """Build the model from its configuration alone."""
        import torch
        from transformers import LlamaForCausalLM

        with torch.device("meta"):
            return LlamaForCausalLM(self.config(self.load_tokenizer()))

    def load(self, dtype: torch.dtype) -> Loaded:
        """Initialise the model; the process's own random state is left as it was."""
        import torch
        from transformers import LlamaForCausalLM

        tokenizer = self.load_tokenizer()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.seed)
            model = LlamaForCausalLM(self.config(tokenizer))
        return Loaded(torch.nn.Module.to(model, dtype), tokenizer)
