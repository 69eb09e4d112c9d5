"""A byte-pair tokenizer for models that start from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError
from students.characters import BEGIN, END, PAD, ROLES, TEMPLATE, TokenizerRecipe

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedTokenizerBase

__all__ = ["BytePairTokenizer"]

BYTES = 256


class BytePairTokenizer(TokenizerRecipe):
    """Byte-level byte pairs, learnt from a few texts: every character can be written, frequent pieces in one token.

    Its chat template is that of `CharacterTokenizer`.

    Args:
        texts: What to learn the pairs from; equal texts give equal tokenizers.
        vocabulary_size: Tokens at most, special ones included; at least 262. Fewer where the texts have fewer pairs
            that come twice.
    """

    def __init__(self, texts: list[str], vocabulary_size: int = 512) -> None:
        self.texts = texts
        self.vocabulary_size = vocabulary_size

    def build(self) -> PreTrainedTokenizerBase:
        """Return a `PreTrainedTokenizerFast` that `AutoTokenizer` reloads after `save_pretrained`."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import PreTrainedTokenizerFast

        wrap: Any = PreTrainedTokenizerFast  # its constructor carries no types

        special = [PAD, BEGIN, END, *ROLES]
        if self.vocabulary_size < BYTES + len(special):
            raise ConfigError(
                f"A byte-pair tokenizer of {self.vocabulary_size} tokens has no room for all {BYTES} bytes and "
                f"{len(special)} special tokens. Allowed are sizes from {BYTES + len(special)}. Raise "
                "`vocabulary_size`, or use students.CharacterTokenizer."
            )
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=self.vocabulary_size,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            min_frequency=2,
            show_progress=False,
        )
        tokenizer.train_from_iterator(self.texts, trainer)
        wrapped: PreTrainedTokenizerBase = wrap(
            tokenizer_object=tokenizer,
            bos_token=BEGIN,
            eos_token=END,
            pad_token=PAD,
            extra_special_tokens=list(ROLES),
            clean_up_tokenization_spaces=False,
        )
        wrapped.chat_template = TEMPLATE
        return wrapped
