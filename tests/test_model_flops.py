"""The operations that benchmarks/accelerator_speed.py reports, against those that torch counts while it computes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen2ForCausalLM

from students.lora import quiet_peft

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ROWS, LENGTH, RANK = 3, 17, 4


@pytest.fixture
def shape(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The shape of a tiny Qwen2, by the benchmark's own class."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import model_flops

    yield model_flops.Shape(width=48, layers=3, heads=4, key_value_heads=2, feed_forward=80, vocabulary=300)
    for name in ("accelerator_speed", "model_flops", "machine"):
        sys.modules.pop(name, None)


def counted(shape: Any, positions: torch.Tensor, rank: int | None) -> dict[str, int]:
    """Return what torch counts forward and backward, by operator, with attention over whole squares."""
    from accelerator_speed import configuration

    inner: Any = Qwen2ForCausalLM(configuration(shape, attn_implementation="eager"))
    if rank is not None:
        with quiet_peft():
            get_peft_model(inner, LoraConfig(r=rank, target_modules="all-linear", task_type="CAUSAL_LM"))
    ids = torch.arange(ROWS * LENGTH).view(ROWS, LENGTH) % shape.vocabulary
    with FlopCounterMode(display=False) as counter:
        hidden = inner.model(input_ids=ids, use_cache=False).last_hidden_state.flatten(0, 1)
        inner.lm_head(hidden[positions]).logsumexp(-1).sum().backward()
    found = {str(operator): count for operator, count in counter.get_flop_counts()["Global"].items()}
    return {"products": found["aten.mm"] + found["aten.addmm"], "attention": found["aten.bmm"]}


def test_all_weights_cost_what_torch_counts(shape: Any) -> None:
    from model_flops import update_flops

    positions = torch.arange(0, ROWS * LENGTH, 2)
    found = counted(shape, positions, rank=None)
    flops = update_flops(shape, [LENGTH] * ROWS, len(positions), rank=None)
    assert flops.layers + flops.output == found["products"]
    assert flops.attention * 2 * LENGTH == found["attention"] * (LENGTH + 1)  # the half that a causal one needs


def test_low_rank_training_costs_what_torch_counts(shape: Any) -> None:
    from model_flops import update_flops

    positions = torch.arange(0, ROWS * LENGTH, 3)
    found = counted(shape, positions, rank=RANK)
    flops = update_flops(shape, [LENGTH] * ROWS, len(positions), rank=RANK)
    into_the_model = shape.matrices[:3]  # queries, keys and values of the first layer: nobody asks for their input's
    spared = sum(2 * ROWS * LENGTH * inputs * (outputs + RANK) for inputs, outputs in into_the_model)
    assert flops.layers + flops.output == found["products"] + spared
    assert flops.attention * 2 * LENGTH == found["attention"] * (LENGTH + 1)


def test_packing_sequences_of_different_lengths_costs_what_each_costs(shape: Any) -> None:
    from model_flops import update_flops

    lengths, supervised = [3, 11, 7], [2, 5, 1]
    each = [update_flops(shape, [n], k, rank=RANK) for n, k in zip(lengths, supervised, strict=True)]
    whole = update_flops(shape, lengths, sum(supervised), rank=RANK)
    assert tuple(whole) == tuple(map(sum, zip(*each, strict=True)))
