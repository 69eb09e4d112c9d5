"""Cut copies: which blocks, the same tensors, a model that answers, learns, is exported and taught by its source."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel

from lessons.errors import ConfigError
from students import Loaded, Pretrained, PrunedCopy, RandomWeights, Student
from students.weights.pruned_copy import blocks_of, evenly_spread, smaller_config
from tests.students.conftest import ask


def source(layers: int = 5) -> RandomWeights:
    return RandomWeights(32, layers, heads=2, max_positions=64, seed=3)


def logits(weights: PrunedCopy | RandomWeights | Pretrained) -> torch.Tensor:
    student = Student(weights)
    found: torch.Tensor = student.model(torch.tensor([student.encoder.prompt_ids(ask("1+1=?"))])).logits
    return found


def by_hand(weights: RandomWeights, kept: list[int]) -> torch.Tensor:
    """The source's own modules, without the blocks that are cut."""
    student = Student(weights)
    inner = student.model.model
    inner.layers = torch.nn.ModuleList([inner.layers[k] for k in kept])
    inner.config.num_hidden_layers = len(kept)
    found: torch.Tensor = student.model(
        torch.tensor([student.encoder.prompt_ids(ask("1+1=?"))]), use_cache=False
    ).logits
    return found


@pytest.mark.parametrize(("layers", "kept"), [(3, [0, 2, 4]), ([1, 4], [1, 4]), (5, [0, 1, 2, 3, 4]), ([3], [3])])
def test_the_copy_is_the_source_without_the_other_blocks(layers: int | list[int], kept: list[int]) -> None:
    assert torch.equal(logits(PrunedCopy(source(), layers)), by_hand(source(), kept))


def test_a_copy_of_all_blocks_is_the_source() -> None:
    assert torch.equal(logits(PrunedCopy(source(), 5)), logits(source()))


def test_it_is_exported_like_any_student(tmp_path: Path) -> None:
    copy = PrunedCopy(source(), [0, 4])
    folder = Student(copy).export(tmp_path / "student")
    assert torch.equal(logits(Pretrained(str(folder))), logits(copy))
    assert copy.name == "random-llama-5x32-seed3[layers=0,4]"


def test_building_it_leaves_the_random_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    PrunedCopy(source(), 2).load(torch.float32)
    assert torch.equal(torch.rand(1), expected)


def test_other_blocks_are_another_student() -> None:
    found = {PrunedCopy(source(), layers).fingerprint for layers in (2, 3, [0, 1], [0, 2])}
    assert len(found | {source().fingerprint}) == 5


class RandomGPT2(RandomWeights):
    """Another architecture, whose blocks lie elsewhere."""

    def load(self, dtype: torch.dtype) -> Loaded:
        tokenizer = self.load_tokenizer()
        torch.manual_seed(0)
        config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=4, n_head=2, n_positions=64)
        model: Any = GPT2LMHeadModel(config)
        return Loaded(model.to(dtype).eval(), tokenizer)


def test_blocks_are_found_in_other_architectures() -> None:
    whole: Any = RandomGPT2().load(torch.float32).model
    assert blocks_of(whole) == ("transformer.h", 4)
    cut: Any = PrunedCopy(RandomGPT2(), [1, 3]).load(torch.float32).model
    assert cut.config.n_layer == 2
    for new, old in enumerate([1, 3]):
        for mine, other in zip(cut.transformer.h[new].parameters(), whole.transformer.h[old].parameters(), strict=True):
            assert torch.equal(mine, other)


def test_settings_of_single_blocks_follow_them() -> None:
    config = RandomWeights(layers=3).config(RandomWeights().load_tokenizer())
    config.layer_types = ["full_attention", "sliding_attention", "full_attention"]
    assert smaller_config(config, [1, 2], 3).layer_types == ["sliding_attention", "full_attention"]


@pytest.mark.parametrize("layers", [0, 6, [], [0, 5], [2, 1], [1, 1], [-1, 2]])
def test_blocks_that_are_not_there_are_refused(layers: int | list[int]) -> None:
    with pytest.raises(ConfigError, match=r"layers is .* has 5 blocks\. Allowed is .* from 0 to 4 .*Correct `layers`"):
        PrunedCopy(source(), layers).load(torch.float32)


@given(st.integers(1, 80).flatmap(lambda count: st.tuples(st.integers(1, count), st.just(count))))
def test_spreading_is_even_and_keeps_the_ends(pair: tuple[int, int]) -> None:
    wanted, count = pair
    found = evenly_spread(wanted, count)
    assert len(found) == wanted
    assert found[0] == 0
    if wanted > 1:
        steps = {b - a for a, b in pairwise(found)}
        assert found[-1] == count - 1
        assert min(steps) >= 1
        assert max(steps) - min(steps) <= 1
