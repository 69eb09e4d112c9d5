from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, GPT2Config, GPT2LMHeadModel

from students import LoRA, RandomWeights, Student
from students.split_model import SplitModel


class Padded(NamedTuple):
    """Three right-padded sequences, with some of their tokens as targets."""

    input_ids: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor


def padded(vocabulary: int) -> Padded:
    draw = torch.Generator().manual_seed(0)
    input_ids = torch.zeros(3, 39, dtype=torch.int64)
    positions, targets = [], []
    for row, length in enumerate((2, 39, 16)):
        tokens = torch.randint(0, vocabulary, (length + 1,), generator=draw)
        input_ids[row, :length] = tokens[:-1]
        chosen = torch.rand(length, generator=draw).lt(0.4).nonzero().flatten()
        positions.append(39 * row + chosen)
        targets.append(tokens[1:][chosen])
    return Padded(input_ids, torch.cat(positions), torch.cat(targets))


def whole(model: torch.nn.Module, given: Padded) -> torch.Tensor:
    logits = model(input_ids=given.input_ids).logits.flatten(0, 1)
    return torch.nn.functional.cross_entropy(logits[given.positions].float(), given.targets, reduction="none")


def tiny(adapter: LoRA | None = None) -> Student:
    weights = RandomWeights(hidden_size=16, layers=2, heads=2, tie_embeddings=False)
    return Student(weights, adapter=adapter, precision="float32")


def capped() -> torch.nn.Module:
    return Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, head_dim=8, final_logit_softcapping=0.5, attn_implementation="eager",
        )
    )  # fmt: skip


def gpt() -> torch.nn.Module:
    return GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2, n_positions=64))


@pytest.mark.parametrize(("build", "splits"), [(gpt, True), (capped, False)])
def test_projecting_supervised_positions_only_gives_the_models_own_losses(
    build: Callable[[], Any], splits: bool
) -> None:
    torch.manual_seed(0)
    model = build().train(False)
    split = SplitModel(model).check()
    assert split.splits == splits
    torch.testing.assert_close(split.nll(*padded(50)), whole(model, padded(50)))


@pytest.mark.parametrize(("modules", "splits"), [(None, True), (["lm_head", "q_proj"], False)])
def test_an_adapted_output_layer_is_used_whole(modules: list[str] | None, splits: bool) -> None:
    student = tiny(LoRA(rank=2, target_modules=modules))
    for name, parameter in student.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    split = SplitModel(student.model).check()
    assert split.splits == splits
    torch.testing.assert_close(split.nll(*padded(40)), whole(student.model, padded(40)))


def test_checking_leaves_modes_and_random_numbers_alone() -> None:
    model = gpt().train()
    model.transformer.h[0].eval()
    modes = [module.training for module in model.modules()]
    before = torch.get_rng_state()
    SplitModel(model).check()
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), before)


def test_right_padding_without_a_mask_changes_no_real_token() -> None:
    model = tiny().model
    together = padded(40)
    alone = []
    for row, width in zip(together.input_ids, (2, 39, 16), strict=True):
        alone.append(model(input_ids=row[None, :width]).logits[0])
    logits = model(input_ids=together.input_ids).logits
    for row, single in zip(logits, alone, strict=True):
        torch.testing.assert_close(row[: len(single)], single)


@pytest.mark.parametrize("build", [gpt, capped])
def test_statistics_are_taken_of_the_models_own_logits(build: Callable[[], Any], monkeypatch) -> None:
    monkeypatch.setattr("students.split_model.LOGITS_AT_ONCE", 150)  # three rows of 50 at a time
    model = build().train(False)
    given = padded(50)
    wanted = [lambda logits, ids: logits.argmax(-1), lambda logits, ids: logits.gather(1, ids[:, None])[:, 0]]
    best, own = SplitModel(model).check().statistics(*given, wanted)
    logits = model(input_ids=given.input_ids).logits.flatten(0, 1)[given.positions]
    assert torch.equal(best, logits.argmax(-1))
    torch.testing.assert_close(own, logits[torch.arange(len(own)), given.targets])
    assert not own.requires_grad
