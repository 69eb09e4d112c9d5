from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from lessons.errors import ConfigError, MissingDependency
from students import LoRA, Pretrained, Student
from students.lora import merged_tensors
from tests.students.conftest import ask, tiny_weights


def adapted(student: Student) -> Student:
    """Give the adapter's second matrices values: they start at zero."""
    with torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        for name, parameter in student.model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
            if "magnitude" in name:
                parameter.mul_(1 + 0.2 * torch.rand(parameter.shape, generator=generator))
    return student


def test_only_the_additions_are_trained() -> None:
    student = Student(tiny_weights(), LoRA(rank=4))
    trained = {name for name, p in student.model.named_parameters() if p.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    assert not any("lm_head" in name for name in trained)


KINDS = {
    "LoRA": LoRA(rank=4, target_modules=["q_proj", "down_proj"]),
    "DoRA": LoRA(rank=4, target_modules=["q_proj", "down_proj"], dora=True),
    "rank-stabilised": LoRA(rank=4, target_modules=["q_proj", "down_proj"], rank_stabilised=True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_adapter_changes_nothing(kind: str) -> None:
    plain, student = Student(tiny_weights()), Student(tiny_weights(), KINDS[kind])
    ids = torch.tensor([plain.encoder.prompt_ids(ask("1+1=?"))])
    torch.testing.assert_close(plain.model(ids).logits, student.model(ids).logits, atol=1e-6, rtol=1e-5)


def test_dora_trains_the_lengths_of_the_rows_as_its_formula_says() -> None:
    student = adapted(Student(tiny_weights(), KINDS["DoRA"]))
    layer = student.base_model.model.layers[0].self_attn.q_proj
    weight, first, second = layer.base_layer.weight, layer.lora_A.default.weight, layer.lora_B.default.weight
    lengths = layer.lora_magnitude_vector["default"].weight
    whole = (weight + 32 / 4 * second @ first).double()
    expected = lengths.double()[:, None] * whole / whole.norm(dim=1, keepdim=True)
    merged = merged_tensors(student.base_model)["model.layers.0.self_attn.q_proj.weight"]
    torch.testing.assert_close(merged.double(), expected, atol=1e-6, rtol=1e-5)
    assert lengths.requires_grad


@pytest.mark.parametrize(("rank_stabilised", "scale"), [(False, 8.0), (True, 16.0)])
def test_the_additions_count_as_much_as_said(rank_stabilised: bool, scale: float) -> None:
    student = Student(tiny_weights(), LoRA(rank=4, alpha=32, rank_stabilised=rank_stabilised))
    assert student.base_model.model.layers[0].self_attn.q_proj.scaling == {"default": scale}


@pytest.mark.parametrize("kind", KINDS)
def test_merged_export_equals_the_adapters_logits(tmp_path: Path, kind: str) -> None:
    student = adapted(Student(tiny_weights(), KINDS[kind]))
    before = {name: tensor.clone() for name, tensor in student.model.state_dict().items()}
    ids = torch.tensor([student.encoder.prompt_ids(ask("1+1=?"))])
    logits = student.model(ids).logits
    assert not torch.allclose(logits, Student(tiny_weights()).model(ids).logits, atol=1e-2)
    again = Student(Pretrained(str(student.export(tmp_path / "student"))))
    torch.testing.assert_close(again.model(ids).logits, logits, atol=1e-5, rtol=1e-5)
    assert not any("lora" in name for name in again.model.state_dict())
    after = student.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(student.model(ids).logits, logits)


def test_initialisation_depends_on_its_seed_alone() -> None:
    torch.manual_seed(1)
    first = Student(tiny_weights(), LoRA(rank=4)).model.state_dict()
    torch.manual_seed(2)
    second = Student(tiny_weights(), LoRA(rank=4)).model.state_dict()
    other = Student(tiny_weights(), LoRA(rank=4, seed=1)).model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_one_wrong_target_among_right_ones_is_refused() -> None:
    student = Student(tiny_weights(), LoRA(target_modules=["q_proj", "query"]))
    with pytest.raises(
        ConfigError, match=r"target module\(s\) query do not exist in LlamaForCausalLM.*q_proj.*Correct"
    ):
        _ = student.model


def test_without_peft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingDependency, match=r"need the package peft.*pip install 'tutelage\[train\]'"):
        _ = Student(tiny_weights(), LoRA()).model


def test_settings_that_peft_refuses() -> None:
    with pytest.raises(ConfigError, match=r"peft refuses the adapter LoRA\(rank=0.*Allowed are ranks of at least 1"):
        _ = Student(tiny_weights(), LoRA(rank=0)).model


def test_gradients_reach_the_adapter_under_checkpointing() -> None:
    student = Student(tiny_weights(), LoRA(rank=4), gradient_checkpointing=True)
    plain = Student(tiny_weights(), LoRA(rank=4))
    ids = torch.tensor([student.encoder.prompt_ids(ask("1+1=?"))])
    for each in (student, plain):
        each.model.train()
        each.model(ids, labels=ids, use_cache=False).loss.backward()
    pairs = zip(student.model.named_parameters(), plain.model.parameters(), strict=True)
    compared = 0
    for (name, checkpointed), ordinary in pairs:
        if "lora_B" in name:
            torch.testing.assert_close(checkpointed.grad, ordinary.grad)
            compared += 1
    assert compared == 14
