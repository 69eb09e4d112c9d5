"""Packed sequences give the losses and gradients of padded ones, or the model is not packed."""

from __future__ import annotations

import logging

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    MixtralConfig,
    PreTrainedConfig,
    Qwen3Config,
)

from students import LoRA, RandomWeights, Student
from students.packing import ALIKE, ATTENTION, WORTH_PACKING, Rows, pack
from students.split_model import SplitModel

SIZE = 55
SMALL = {
    "vocab_size": SIZE, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 128,
}  # fmt: skip
PACKED = {
    "llama": LlamaConfig(**SMALL),
    "qwen3": Qwen3Config(**SMALL, head_dim=8),
    "gemma3-sliding-window": Gemma3TextConfig(**SMALL, head_dim=8, sliding_window=64),
    "mixtral-experts": MixtralConfig(**SMALL, num_local_experts=4, num_experts_per_tok=2),
    "gpt2-learned-positions": GPT2Config(vocab_size=SIZE, n_embd=32, n_layer=2, n_head=4, n_positions=128),
    "gpt-neox": GPTNeoXConfig(
        vocab_size=SIZE, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=128,
    ),
}  # fmt: skip
PADDED = {
    "mamba-state": MambaConfig(vocab_size=SIZE, hidden_size=32, num_hidden_layers=2),
    "bloom-alibi": BloomConfig(vocab_size=SIZE, hidden_size=32, n_layer=2, n_head=4),
    "eager": LlamaConfig(**SMALL, attn_implementation="eager"),
}


def build(config: PreTrainedConfig) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).double()
    model.set_experts_implementation("eager")  # the fast one of transformers knows no float64
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5 if parameter.ndim > 1 else 1)  # so that attention matters
    return model.train(False)


def uneven(lengths: list[int], supervised: float = 0.5) -> tuple[Tensor, Tensor, Tensor]:
    """A right-padded batch, positions in it and what is to be predicted there."""
    draw = torch.Generator().manual_seed(len(lengths))
    ids = torch.randint(0, SIZE, (len(lengths), max(lengths)), generator=draw)
    real = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    chosen = torch.rand(ids.shape, generator=draw).lt(supervised) & real
    chosen[:, 0] = True
    positions = chosen.flatten().nonzero()[:, 0]
    return ids * real, positions, torch.randint(0, SIZE, (len(positions),), generator=draw)


def losses_and_gradients(model: torch.nn.Module, split: SplitModel, batch: tuple[Tensor, ...]) -> list[Tensor]:
    losses = split.nll(*batch)
    model.zero_grad()
    (losses * torch.linspace(1, 2, len(losses))).sum().backward()
    return [losses.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


def widths(split: SplitModel, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Record the shape of every batch that the model computes."""
    seen: list[tuple[int, ...]] = []
    inner = split.outputs
    monkeypatch.setattr(
        split, "outputs", lambda **given: seen.append(tuple(given["input_ids"].shape)) or inner(**given)
    )
    return seen


@pytest.mark.parametrize("device", ALIKE)
@pytest.mark.parametrize("name", PACKED)
def test_packed_losses_and_gradients_are_the_padded_ones(
    name: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ALIKE, "cpu", ALIKE[device])  # the way of other devices, on this one
    lengths = [1, 40, 36, 3, 17, 15, 2, 40]
    batch = uneven(lengths)
    model = build(PACKED[name])
    padded = losses_and_gradients(model, SplitModel(model, packing=False).check(), batch)
    split = SplitModel(model).check()
    seen = widths(split, monkeypatch)
    packed = losses_and_gradients(model, split, batch)
    [(rows, tokens)] = seen
    assert rows == 1
    assert tokens <= sum(lengths)
    assert len(packed) == len(padded) > 5
    # Gemma computes its norms in float32, whatever the format of the rest, and rounds the sums of their gradients.
    tolerance = {"rtol": 1e-5, "atol": 1e-6} if name.startswith("gemma") else {"rtol": 1e-9, "atol": 1e-11}
    for mine, other in zip(packed, padded, strict=True):
        torch.testing.assert_close(mine, other, **tolerance)


@pytest.mark.parametrize("name", PADDED)
def test_models_that_cannot_be_packed_are_padded(name: str, caplog: pytest.LogCaptureFixture) -> None:
    model = build(PADDED[name])
    before = model.config._attn_implementation
    with caplog.at_level(logging.INFO):
        split = SplitModel(model).check()
    assert not split.packs
    assert f"{type(model).__name__} cannot be packed" in caplog.text
    assert model.config._attn_implementation == before
    batch = uneven([1, 9, 4])
    for mine, other in zip(
        losses_and_gradients(model, split, batch),
        losses_and_gradients(model, SplitModel(model, packing=False).check(), batch),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=0)


@pytest.mark.parametrize("config", [MistralConfig(**SMALL, sliding_window=16), PACKED["gemma3-sliding-window"]])
def test_sequences_longer_than_a_sliding_window_are_padded(
    config: PreTrainedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = SplitModel(build(config)).check()
    seen = widths(split, monkeypatch)
    window = config.sliding_window
    for lengths in ([2, window, 1], [2, window + 1, 1]):
        split.nll(*uneven(lengths, 1.0))
    assert seen == [(1, window + 3), (3, window + 1)]


@pytest.mark.parametrize("name", ["llama", "gpt2-learned-positions"])
def test_no_token_sees_another_sequence(name: str) -> None:
    model = build(PACKED[name])
    split = SplitModel(model).check()
    ids, positions, targets = uneven([5, 9, 2, 30], 1.0)
    before = split.nll(ids, positions, targets)
    changed = ids.clone()
    changed[1, :9] = (ids[1, :9] + 1) % SIZE
    after = split.nll(changed, positions, targets)
    other_rows = positions // ids.shape[1] != 1
    assert torch.equal(before[other_rows], after[other_rows])  # not nearly: the very same sums
    assert not torch.isclose(before[~other_rows], after[~other_rows]).any()


def test_batches_with_little_padding_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    split = SplitModel(build(PACKED["llama"])).check()
    seen = widths(split, monkeypatch)
    split.nll(*uneven([20, 20, 19], 1.0))
    assert seen == [(3, 20)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_adapters_half_precision_and_recomputed_activations_pack(
    dtype: torch.dtype, checkpointing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = RandomWeights(hidden_size=32, layers=2, heads=2, tie_embeddings=False)
    student = Student(weights, LoRA(rank=2), precision="float32", gradient_checkpointing=checkpointing)
    model = student.model.to(dtype).train()
    split = SplitModel(model).check()
    seen = widths(split, monkeypatch)
    batch = uneven([1, 30, 8, 3])
    batch = (batch[0] % 40, batch[1], batch[2] % 40)
    packed = losses_and_gradients(model, split, batch)
    padded = losses_and_gradients(model, SplitModel(model, packing=False).check(), batch)
    assert seen[0][0] == 1
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0.1, "atol": 0.05}
    for mine, other in zip(packed, padded, strict=True):
        torch.testing.assert_close(mine, other, **tolerance)


@pytest.mark.parametrize("name", ["llama", "gpt2-learned-positions"])
def test_a_packed_model_writes_what_it_wrote_before(name: str) -> None:
    model = build(PACKED[name])
    ids, mask = torch.tensor([[0, 0, 5, 6], [9, 8, 7, 6]]), torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])

    def write() -> Tensor:
        written: Tensor = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=8, do_sample=False, pad_token_id=0, eos_token_id=None
        )
        return written

    before = write()
    assert SplitModel(model).check().packs
    assert torch.equal(write(), before)


def test_an_exported_model_does_not_know_our_attention(tmp_path: str) -> None:
    model = build(PACKED["llama"])
    assert SplitModel(model).check().packs
    model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.config._attn_implementation == "sdpa" != model.config._attn_implementation == ATTENTION


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=6))
def test_every_real_token_is_packed_once_and_comes_back(shape: list[tuple[int, int]]) -> None:
    width = max(length + padding for length, padding in shape)
    lengths = [length for length, _ in shape]
    ids = torch.arange(len(shape) * width).view(len(shape), width)
    real = torch.arange(width) < torch.tensor(lengths)[:, None]
    packed = pack(ids, real.flatten().nonzero()[:, 0])
    if packed is None:
        assert ids.numel() < WORTH_PACKING * sum(lengths)
        return
    assert packed.input_ids[0, packed.places].tolist() == ids[real].tolist()
    assert sorted(packed.input_ids[0].tolist()) == sorted(ids[real].tolist())
    assert packed.position_ids.tolist() == (packed.input_ids % width).tolist()
    assert sorted(t for rows in packed.rows for t in lengths_in(rows)) == sorted(lengths)


def lengths_in(rows: Rows) -> list[int]:
    """How many tokens each row holds, from where its tokens are."""
    return (rows.place_of_token // rows.shape[1]).bincount(minlength=rows.shape[0]).tolist()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_rows_are_cut_out_and_put_together_again_with_their_gradients(lengths: list[int]) -> None:
    rows = Rows.of(lengths, torch.device("cpu"))
    states = torch.randn(1, 2, sum(lengths), 3, dtype=torch.float64, requires_grad=True)
    apart = rows.apart(states)
    assert apart.shape == (len(lengths), 2, max(lengths), 3)
    for row, piece in zip(apart, states[0].split(lengths, dim=1), strict=True):
        assert torch.equal(row[:, : piece.shape[1]], piece)
    again = rows.together(apart.transpose(1, 2))
    assert torch.equal(again, states[0].transpose(0, 1))
    (slope,) = torch.autograd.grad((again * again).sum(), states)
    assert torch.equal(slope, 2 * states)
