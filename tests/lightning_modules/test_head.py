from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, GPT2Config, GPT2LMHeadModel

from lightning_modules.collate import Batch, Weighted, collate
from lightning_modules.head import SplitModel
from lightning_modules.rendered import Sequence32
from students import LoRA, Student


def batch(vocabulary: int) -> Batch:
    draw = np.random.default_rng(0)
    sequences = []
    for length in (3, 40, 17):
        tokens = draw.integers(0, vocabulary, length).astype(np.int32)
        sequences.append(Weighted(Sequence32(tokens, (draw.random(length) < 0.4).astype(np.float32), 0)))
    return collate(sequences, np.array([1.0]))


def whole(model: torch.nn.Module, given: Batch) -> torch.Tensor:
    logits = model(input_ids=given.input_ids).logits.flatten(0, 1)
    return torch.nn.functional.cross_entropy(logits[given.positions].float(), given.targets, reduction="none")


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
    torch.testing.assert_close(split.nll(batch(50)), whole(model, batch(50)))


@pytest.mark.parametrize(("modules", "splits"), [(None, True), (["lm_head", "q_proj"], False)])
def test_an_adapted_output_layer_is_used_whole(
    tiny: Callable[..., Student], modules: list[str] | None, splits: bool
) -> None:
    student = tiny(LoRA(rank=2, target_modules=modules), tie_embeddings=False)
    for name, parameter in student.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    split = SplitModel(student.model).check()
    assert split.splits == splits
    torch.testing.assert_close(split.nll(batch(40)), whole(student.model, batch(40)))


def test_checking_leaves_modes_and_random_numbers_alone() -> None:
    model = gpt().train()
    model.transformer.h[0].eval()
    modes = [module.training for module in model.modules()]
    before = torch.get_rng_state()
    SplitModel(model).check()
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), before)


def test_right_padding_without_a_mask_changes_no_real_token(tiny: Callable[..., Student]) -> None:
    model = tiny().model
    together = batch(40)
    alone = []
    for row, width in zip(together.input_ids, (2, 39, 16), strict=True):
        alone.append(model(input_ids=row[None, :width]).logits[0])
    padded = model(input_ids=together.input_ids).logits
    for row, single in zip(padded, alone, strict=True):
        torch.testing.assert_close(row[: len(single)], single)
