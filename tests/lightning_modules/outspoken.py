"""Small students that have opinions: freshly drawn weights find all tokens about equally probable."""

from __future__ import annotations

import string
from typing import Any

import torch

from students import CharacterTokenizer, LoRA, RandomWeights, Student


class Outspoken(RandomWeights):
    """Random weights with larger matrices, untied, so that a student does not just repeat itself.

    Args:
        loudness: Multiplies every matrix.
        seed: Seed of the weights.
        hidden_size: Width.
    """

    def __init__(self, loudness: float = 3.0, seed: int = 0, hidden_size: int = 16) -> None:
        letters = CharacterTokenizer("0123456789+?:.[] \n" + string.ascii_letters)
        super().__init__(hidden_size, layers=1, heads=2, tie_embeddings=False, tokenizer=letters, seed=seed)
        self.loudness = loudness

    def load(self, dtype: torch.dtype) -> Any:
        """Draw them and make them louder."""
        loaded = super().load(dtype)
        with torch.no_grad():
            for parameter in loaded.model.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(self.loudness)
        return loaded


def pupil(adapter: LoRA | None = None) -> Student:
    """A student to be taught."""
    return Student(Outspoken(), adapter, precision="float32")


def teacher(loudness: float = 6.0, seed: int = 9) -> Student:
    """A teacher of another width."""
    return Student(Outspoken(loudness, seed, hidden_size=24), precision="float32")
