"""Tokenizers for models that start from nothing: one token per character, with a chat template of their own."""

from __future__ import annotations

import string
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedTokenizerBase

__all__ = ["CharacterTokenizer", "TokenizerRecipe"]

PAD, UNKNOWN, BEGIN, END = "<|pad|>", "<|unknown|>", "<|begin|>", "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")

# One role token before and one end token after every turn: no character is spent on the frame.
TEMPLATE = (
    "{{- bos_token -}}"
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] + eos_token -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


class TokenizerRecipe(ABC):
    """Makes the tokenizer of a model that is initialised at random."""

    @abstractmethod
    def build(self) -> PreTrainedTokenizerBase:
        """Return the tokenizer, with a chat template and an end-of-turn token."""


class CharacterTokenizer(TokenizerRecipe):
    """One token per character: the smallest honest vocabulary, for small models on procedural tasks.

    A character outside the alphabet is an error where lessons are rendered, never a silent unknown token.

    Args:
        alphabet: The characters that may occur, each once or more; the order of first occurrence numbers the tokens.
    """

    def __init__(self, alphabet: str = string.digits + string.ascii_letters + string.punctuation + " \n") -> None:
        self.alphabet = alphabet

    def build(self) -> PreTrainedTokenizerBase:
        """Return a `PreTrainedTokenizerFast` that `AutoTokenizer` reloads after `save_pretrained`."""
        from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
        from transformers import PreTrainedTokenizerFast

        wrap: Any = PreTrainedTokenizerFast  # its constructor carries no types

        characters = list(dict.fromkeys(self.alphabet))
        if not characters:
            raise ConfigError(
                "The alphabet of the character tokenizer is empty; it needs every character of the lessons. "
                "Give `alphabet`, for example '0123456789+= '."
            )
        special = [PAD, UNKNOWN, BEGIN, END, *ROLES]
        vocabulary = {token: number for number, token in enumerate([*special, *characters])}
        tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.decoder = decoders.Fuse()
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
        wrapped: PreTrainedTokenizerBase = wrap(
            tokenizer_object=tokenizer,
            bos_token=BEGIN,
            eos_token=END,
            pad_token=PAD,
            unk_token=UNKNOWN,
            extra_special_tokens=list(ROLES),
            clean_up_tokenization_spaces=False,
        )
        wrapped.chat_template = TEMPLATE
        return wrapped
