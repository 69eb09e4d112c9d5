"""What a model has read so far, row by row: its key-value cache and the logits after the last token. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from lessons.errors import ConfigError

__all__ = ["Reader", "State"]

WORTH_SHARING = 16  # tokens that all rows begin with, from which reading them once saves more than a second pass costs


@dataclass
class State:
    """Rows that a model has read."""

    cache: Any
    """Keys and values."""
    mask: torch.Tensor
    """1 for tokens, 0 for padding; [rows, time]."""
    logits: torch.Tensor
    """float32 logits after each of the tokens read last, [rows, tokens read last, vocabulary]."""

    def keep(self, rows: torch.Tensor) -> None:
        """Keep these rows, in this order; a row may be kept several times."""
        self.cache.reorder_cache(rows)
        self.mask, self.logits = self.mask[rows], self.logits[rows]


class Reader:
    """Reads tokens with a model.

    Args:
        model: The model, in evaluation mode.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.device: torch.device = model.device
        self.prompt_tokens = 0
        """Tokens read by `prompts`, padding counted."""
        layers = DynamicCache(config=model.config).layers
        self.attends_fully = all(type(layer) is DynamicLayer for layer in layers)

    def prompts(self, prompts: Sequence[list[int]]) -> State:
        """Read conversations, each distinct one once, and what all begin with once; rows are padded on the left."""
        distinct = list(dict.fromkeys(map(tuple, prompts)))
        beginning = self.beginning(distinct)
        shared = beginning.mask.shape[1] if beginning else 0
        width = max(map(len, distinct)) - shared
        rest = [prompt[shared:] for prompt in distinct]
        ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in rest], device=self.device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rest], device=self.device)
        self.prompt_tokens += ids.numel()
        if beginning:
            state = self.read(ids, torch.cat([beginning.mask, mask], dim=1), beginning.cache, keep=1)
        else:
            state = self.read(ids, mask, None, keep=1)
        if len(distinct) < len(prompts):
            place = {prompt: number for number, prompt in enumerate(distinct)}
            state.keep(torch.tensor([place[tuple(prompt)] for prompt in prompts], device=self.device))
        return state

    def beginning(self, prompts: Sequence[tuple[int, ...]]) -> State | None:
        """Read what several conversations begin with, such as a template's words, and return a row for each.

        None where it is not worth it. Padding comes between the beginning and the rest then, which full attention
        leaves out like any other; a sliding window would reach less far, so models with one read every row whole.
        """
        shared = min(shared_length(prompts), min(map(len, prompts)) - 1)
        if len(prompts) < 2 or shared < WORTH_SHARING or not self.attends_fully:
            return None
        ids = torch.tensor([prompts[0][:shared]], device=self.device)
        self.prompt_tokens += ids.numel()
        state = self.read(ids, torch.ones_like(ids), None, keep=1)
        state.keep(torch.zeros(len(prompts), dtype=torch.long, device=self.device))
        return state

    def more(self, state: State, ids: torch.Tensor) -> State:
        """Read further tokens, [rows, tokens]; the cache of the state given is used up."""
        mask = torch.cat([state.mask, torch.ones_like(ids)], dim=1)
        return self.read(ids, mask, state.cache, keep=ids.shape[1])

    def read(self, ids: torch.Tensor, mask: torch.Tensor, cache: Any, keep: int) -> State:
        """Run the model over tokens; keep the logits after the last few."""
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]  # [rows, tokens]
        output = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=keep,
        )
        cache = getattr(output, "past_key_values", None)
        if not hasattr(cache, "reorder_cache"):
            raise ConfigError(
                f"{type(self.model).__name__} keeps no key-value cache, so it cannot write in batches here. Allowed "
                "are models with attention (Llama, Qwen, Gemma, GPT-2 ...). Choose such a model as teacher."
            )
        return State(cache, mask, output.logits[:, -keep:].float())


def shared_length(prompts: Sequence[tuple[int, ...]]) -> int:
    """Return how many tokens all begin with.

    >>> shared_length([(1, 2, 3), (1, 2, 4, 5)])
    2
    """
    first, last = min(prompts), max(prompts)  # what these two share, all between them share
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return length
