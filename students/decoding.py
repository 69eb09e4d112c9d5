"""How an answer is drawn token by token: the settings, the random numbers, the choice of one token."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lessons.errors import ConfigError

if TYPE_CHECKING:
    from students.heavy_types import torch

__all__ = ["Generation", "by_row", "sample", "stream", "streams"]


@dataclass(frozen=True, slots=True)
class Generation:
    """How answers are generated.

    Args:
        max_new_tokens: Longest answer in tokens, the end-of-turn token included.
        temperature: 0 takes the most probable token every time; above 0 samples from softmax(logits / temperature).
        top_p: Samples only from the most probable tokens that together reach this probability, in (0, 1].
        batch_size: Prompts generated together. Lower it when memory runs out.
        seed: Seed of sampling. Each answer draws from its own stream, made of this seed and its prompt.
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    batch_size: int = 64
    seed: int = 0

    def check(self) -> None:
        """Refuse values outside their ranges."""
        allowed = {
            "max_new_tokens": (self.max_new_tokens >= 1, "at least 1"),
            "temperature": (self.temperature >= 0, "0 (greedy) or above"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
        }
        for name, (right, range_) in allowed.items():
            if not right:
                raise ConfigError(
                    f"Generation got {name} = {getattr(self, name)}; allowed is {range_}. Correct it in the config."
                )


def streams(prompts: list[list[int]], generation: Generation) -> list[np.ndarray]:
    """Return the uniform numbers each prompt's answer is drawn with, one a token: [max_new_tokens] each."""
    copies: dict[bytes, int] = {}
    result = []
    for ids in prompts:
        content = np.asarray(ids, dtype=np.int64).tobytes()
        copy = copies.get(content, 0)
        copies[content] = copy + 1
        result.append(stream(b"%d/%d/" % (generation.seed, copy) + content, generation.max_new_tokens))
    return result


def stream(name: bytes, count: int) -> np.ndarray:
    """Return uniform numbers in [0, 1) that depend on a name alone, float64 [count]."""
    digest = hashlib.sha256(name).digest()
    return np.random.Generator(np.random.Philox(int.from_bytes(digest[:16], "big"))).random(count)


def sample(logits: torch.Tensor, uniforms: torch.Tensor, generation: Generation) -> torch.Tensor:
    """Draw one token a row by inverting the cumulative distribution at `uniforms`, both [batch]."""
    probabilities, tokens = (
        (logits.double() / generation.temperature).softmax(-1).sort(stable=True, dim=-1, descending=True)
    )
    cumulative = probabilities.cumsum(-1)  # [batch, vocabulary]
    inside = cumulative - probabilities < generation.top_p  # the token that crosses top_p still counts
    total = (probabilities * inside).sum(-1, keepdim=True)
    place = (cumulative <= uniforms[:, None] * total).sum(-1, keepdim=True)
    place = place.minimum(inside.sum(-1, keepdim=True) - 1)
    return tokens.gather(-1, place)[:, 0]


def by_row(steps: list[tuple[torch.Tensor, torch.Tensor]], rows: int) -> list[list[int]]:
    """Sort the tokens of all steps, each with the rows they belong to, into one list a row."""
    written: list[list[int]] = [[] for _ in range(rows)]
    for numbers, tokens in steps:
        for row, token in zip(numbers.tolist(), tokens.tolist(), strict=True):
            written[row].append(token)
    return written
