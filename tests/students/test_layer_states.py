from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, GPT2Config, LlamaConfig

from lessons.errors import ConfigError
from students.layer_states import LayerStates, blocks_of
from students.split_model import SplitModel

SIZES = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
CONFIGURATIONS = {
    "llama": LlamaConfig(**SIZES, intermediate_size=32, num_key_value_heads=2),
    "gpt2": GPT2Config(vocab_size=40, n_embd=16, n_layer=3, n_head=2),
    "gemma": Gemma3TextConfig(**SIZES, intermediate_size=32, num_key_value_heads=1, head_dim=8),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("packing", [True, False])
def test_states_are_those_that_transformers_lists(name: str, packing: bool) -> None:
    model: Any = AutoModelForCausalLM.from_config(CONFIGURATIONS[name]).eval()
    split = SplitModel(model, packing).check()
    layers = LayerStates(split)
    ids = torch.randint(1, 40, (3, 9))
    positions = torch.tensor([2, 8, 9, 10, 18])  # a whole row, the first two tokens of another, one of the last
    with layers.listening([0, 1]):
        split.at(ids, positions)
    listed = model(input_ids=ids, output_hidden_states=True).hidden_states
    for layer in (0, 1):
        found = layers.at(layer, ids, positions)
        torch.testing.assert_close(found, listed[layer + 1].flatten(0, 1)[positions], rtol=1e-4, atol=1e-5)
    assert set(layers.heard) == {0, 1}


def test_nothing_is_heard_outside() -> None:
    model: Any = AutoModelForCausalLM.from_config(CONFIGURATIONS["llama"])
    layers = LayerStates(SplitModel(model))
    with layers.listening([2]):
        pass
    model(input_ids=torch.ones(1, 3, dtype=torch.int64))
    assert not layers.heard


def test_a_model_without_blocks_is_refused() -> None:
    decoder = torch.nn.ModuleDict({"parts": torch.nn.ModuleList([torch.nn.Linear(1, 1)])})
    text = SimpleNamespace(num_hidden_layers=2)
    causal = SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: text), get_decoder=lambda: decoder)
    with pytest.raises(ConfigError, match=r"blocks of SimpleNamespace were not found.*list of 2 modules.*leave out"):
        blocks_of(causal)
