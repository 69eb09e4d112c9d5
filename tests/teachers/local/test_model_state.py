from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from teachers.local.model_state import WORTH_SHARING, Reader, shared_length

SIZES: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 128, "initializer_range": 0.3,
}  # fmt: skip
BEGINNING = [number % 47 + 3 for number in range(WORTH_SHARING + 4)]
ENDS = [[5], [6, 7, 8], [9, 10], list(range(4, 30))]


def llama() -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZES)).eval()


def mistral() -> Any:
    """Attends to the last 8 tokens only."""
    torch.manual_seed(0)
    return MistralForCausalLM(MistralConfig(**SIZES, sliding_window=8)).eval()


def alone(model: Any, ids: list[int]) -> torch.Tensor:
    logits: torch.Tensor = model(torch.tensor([ids])).logits[0]
    return logits


@given(st.lists(st.lists(st.integers(0, 2), max_size=6).map(tuple), min_size=1, max_size=6))
def test_the_shared_length_is_what_all_begin_with(rows: list[tuple[int, ...]]) -> None:
    shared = shared_length(rows)
    assert len({row[:shared] for row in rows}) == 1
    longer = {row[: shared + 1] for row in rows}
    assert len(longer) > 1 or any(len(row) == shared for row in rows)


@pytest.mark.parametrize("make", [llama, mistral])
@torch.inference_mode()
def test_rows_that_begin_alike_are_read_as_if_alone(make: Any) -> None:
    model = make()
    prompts = [BEGINNING + end for end in ENDS]
    reader = Reader(model)
    state = reader.prompts([*prompts, prompts[1]])
    for row, prompt in enumerate([*prompts, prompts[1]]):
        assert torch.allclose(state.logits[row, 0], alone(model, prompt)[-1], atol=1e-4)
    state.keep(torch.tensor([3, 1]))
    further = torch.tensor([[11, 12], [13, 14]])
    state = reader.more(state, further)
    for row, prompt in enumerate((prompts[3], prompts[1])):
        assert torch.allclose(state.logits[row], alone(model, prompt + further[row].tolist())[-2:], atol=1e-4)


@torch.inference_mode()
def test_what_all_begin_with_is_read_once() -> None:
    prompts = [BEGINNING + end for end in ENDS]
    whole = len(prompts) * max(map(len, prompts))
    shared, sliding = Reader(llama()), Reader(mistral())
    shared.prompts(prompts)
    assert shared.prompt_tokens == whole - (len(prompts) - 1) * len(BEGINNING)
    sliding.prompts(prompts)
    assert sliding.prompt_tokens == whole


@torch.inference_mode()
def test_a_prompt_that_is_the_beginning_of_another() -> None:
    model = llama()
    prompts = [BEGINNING, [*BEGINNING, 7, 8]]
    state = Reader(model).prompts(prompts)
    for row, prompt in enumerate(prompts):
        assert torch.allclose(state.logits[row, 0], alone(model, prompt)[-1], atol=1e-4)
