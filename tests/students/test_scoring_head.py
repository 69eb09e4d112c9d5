from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertForSequenceClassification, MambaConfig, MambaForCausalLM

from lessons.errors import ConfigError
from students import LoRA, RandomWeights, Scorer
from students.scoring_head import has_head, head_of, with_new_head

WIDTH = 16
WEIGHTS = RandomWeights(hidden_size=WIDTH, layers=2, heads=2, max_positions=64)
PADDING = 0


def causal(dtype: torch.dtype = torch.float32) -> Any:
    return WEIGHTS.load(dtype).model


@pytest.mark.parametrize(
    ("architectures", "scorer"),
    [
        (["LlamaForSequenceClassification"], True),
        (["LlamaForCausalLM", "LlamaForSequenceClassification"], True),
        (["LlamaForCausalLM"], False),
        (["LlamaForTokenClassification"], False),
        ([], False),
        (None, False),
    ],
)
def test_a_folder_says_whether_it_holds_a_scorer(architectures: Any, scorer: bool, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": architectures}))
    assert has_head(tmp_path) == scorer


def test_a_folder_that_names_no_architecture_holds_no_scorer(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert not has_head(tmp_path)


@settings(max_examples=10)
@given(st.integers(1, 5), st.integers(0, 2**31), st.sampled_from([torch.float32, torch.bfloat16]))
def test_the_head_depends_on_its_seed_alone_whatever_the_precision(outputs: int, seed: int, dtype: torch.dtype) -> None:
    torch.manual_seed(seed ^ 1)
    before = torch.random.get_rng_state()
    model = with_new_head(causal(dtype), outputs, None, seed, PADDING)
    assert torch.equal(torch.random.get_rng_state(), before)
    normal = torch.randn((outputs, WIDTH), generator=torch.Generator().manual_seed(seed))
    expected = (normal / WIDTH**0.5).to(dtype)
    assert torch.equal(head_of(model).weight, expected)  # exactly: 1 / sqrt(16) is a power of two
    assert model.dtype == dtype


def test_scores_are_the_decoders_last_state_times_the_head() -> None:
    base = causal()
    model = with_new_head(base, 3, ["no", "maybe", "yes"], 0, PADDING)
    tokens = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
    with torch.no_grad():
        states = base.model(tokens).last_hidden_state[:, -1]
        torch.testing.assert_close(model(tokens).logits, states @ head_of(model).weight.T)


def test_the_decoders_weights_are_taken_over_not_copied() -> None:
    base = causal()
    taken = dict(with_new_head(base, 1, None, 0, PADDING).named_parameters())
    known = {name: one for name, one in base.named_parameters() if name in taken}
    assert set(taken) - set(known) == {"score.weight"}
    assert all(taken[name].data_ptr() == one.data_ptr() for name, one in known.items())


@pytest.mark.parametrize("labels", [None, ["no", "yes"]])
def test_the_configuration_names_the_numbers_and_the_language_models_stays_as_it_was(labels: list[str] | None) -> None:
    base = causal()
    before = base.config.to_dict()
    config = with_new_head(base, len(labels or "1"), labels, 0, 7).config
    assert config.id2label == dict(enumerate(labels or ["score"]))
    assert config.label2id == {name: k for k, name in config.id2label.items()}
    assert (config.pad_token_id, config.tie_word_embeddings) == (7, False)
    assert base.config.to_dict() == before


def test_an_architecture_without_a_scoring_form_is_refused() -> None:
    mamba = MambaForCausalLM(MambaConfig(vocab_size=8, hidden_size=8, state_size=2, num_hidden_layers=1))
    with pytest.raises(
        ConfigError,
        match=r"(?s)no scoring form of MambaForCausalLM: .*Needed is an architecture.*Choose other weights\.",
    ):
        with_new_head(mamba, 1, None, 0, PADDING)


def test_beside_an_adapter_the_head_is_the_one_that_learns() -> None:
    scorer = Scorer(WEIGHTS, adapter=LoRA(rank=2), precision="float32")
    learning = {name for name, one in scorer.model.named_parameters() if one is head_of(scorer.model).weight}
    assert learning == {"base_model.model.score.modules_to_save.default.weight"}
    assert head_of(scorer.model).weight.requires_grad


class Deep(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.score = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (Deep(), "Deep has no linear head called score, but Sequential"),
        (
            BertForSequenceClassification(
                BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
            ),
            "BertForSequenceClassification has no linear head called score, but NoneType",
        ),
    ],
)
def test_another_kind_of_head_is_refused(model: Any, found: str) -> None:
    with pytest.raises(ConfigError, match=rf"{found}\. Needed is an architecture with such a head.*Choose other"):
        head_of(model)
