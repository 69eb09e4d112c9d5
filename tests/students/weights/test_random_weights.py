from __future__ import annotations

import pytest
import torch

from lessons.errors import ConfigError
from students import CharacterTokenizer, RandomWeights
from tests.students.conftest import tiny_weights


def test_the_defaults_make_about_a_million_parameters() -> None:
    loaded = RandomWeights().load(torch.float32)
    assert 0.9e6 < sum(p.numel() for p in loaded.model.parameters()) < 1.2e6
    assert loaded.model.config.vocab_size == len(loaded.tokenizer)


def test_weights_depend_on_their_seed_alone() -> None:
    torch.manual_seed(1)
    first = tiny_weights().load(torch.float32).model.state_dict()
    drawn = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(3))
    second = tiny_weights().load(torch.float32).model.state_dict()
    other = tiny_weights(seed=1).load(torch.float32).model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["lm_head.weight"], other["lm_head.weight"])


def test_fingerprints_tell_shapes_vocabularies_and_seeds_apart() -> None:
    tokenizer = CharacterTokenizer("ab")
    cases = [
        RandomWeights(16, 1, 2, tokenizer=tokenizer),
        RandomWeights(32, 1, 2, tokenizer=tokenizer),
        RandomWeights(16, 2, 2, tokenizer=tokenizer),
        RandomWeights(16, 1, 2, tokenizer=tokenizer, seed=1),
        RandomWeights(16, 1, 2, tokenizer=CharacterTokenizer("ac")),
    ]
    assert len({weights.fingerprint for weights in cases}) == 5
    assert cases[0].fingerprint == RandomWeights(16, 1, 2, tokenizer=tokenizer).fingerprint


def test_precision_is_as_asked() -> None:
    assert tiny_weights().load(torch.bfloat16).model.dtype == torch.bfloat16


def test_heads_that_do_not_split_the_width() -> None:
    with pytest.raises(ConfigError, match=r"hidden size of 30 does not split over 4 heads.*multiples of 8"):
        RandomWeights(hidden_size=30, heads=4).load(torch.float32)
