from __future__ import annotations

import logging

import pytest
import torch

from lessons.errors import ConfigError
from students import LoRA, Student, choose_precision
from students.precision import cpu_computes_bfloat16, drawn_in_float32
from tests.students.conftest import tiny_weights


def pretend(monkeypatch: pytest.MonkeyPatch, cuda: bool, cpu: dict[str, bool] | None = None) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Test GPU")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: cuda)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: cpu or {})


def test_a_plain_cpu_computes_in_float32(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    pretend(monkeypatch, cuda=False)
    with caplog.at_level(logging.INFO, "students.precision"):
        choice = choose_precision("auto", frozen=True)
    assert choice.dtype == torch.float32
    assert "neither AVX512-BF16 nor AMX" in choice.reason
    assert choice.reason in caplog.text


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16"])
def test_a_cpu_with_bfloat16_uses_it_for_frozen_weights_only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pretend(monkeypatch, cuda=False, cpu={name: True})
    assert cpu_computes_bfloat16()
    assert choose_precision("auto", frozen=True).dtype == torch.bfloat16
    assert choose_precision("auto", frozen=False).dtype == torch.float32


def test_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=True)
    assert choose_precision("auto", frozen=True).dtype == torch.bfloat16
    assert "bf16-mixed" in choose_precision("auto", frozen=False).reason
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: False)
    assert choose_precision("auto", frozen=True).dtype == torch.float32


def test_a_wish_is_followed() -> None:
    assert choose_precision("bfloat16").dtype == torch.bfloat16
    assert choose_precision("float16").reason == "float16: as configured"
    student = Student(tiny_weights(), precision="bfloat16")
    assert {p.dtype for p in student.model.parameters()} == {torch.bfloat16}


def test_additions_to_bfloat16_weights_stay_in_float32() -> None:
    student = Student(tiny_weights(), LoRA(rank=2), precision="bfloat16")
    assert {p.dtype for p in student.model.parameters() if p.requires_grad} == {torch.float32}


def test_an_unknown_precision() -> None:
    with pytest.raises(ConfigError, match=r"Unknown precision 'int8'. Allowed are 'auto', 'float32'"):
        choose_precision("int8")  # type: ignore[arg-type]


def test_random_weights_and_adapters_do_not_depend_on_the_default_format() -> None:
    usual = Student(tiny_weights(), LoRA(rank=2), precision="float32").model.state_dict()
    torch.set_default_dtype(torch.float64)
    try:
        found = Student(tiny_weights(), LoRA(rank=2), precision="float32").model.state_dict()
        assert torch.get_default_dtype() == torch.float64
        with pytest.raises(RuntimeError), drawn_in_float32():
            raise RuntimeError
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(found[name].dtype == tensor.dtype for name, tensor in usual.items())
    assert all(torch.equal(found[name], tensor) for name, tensor in usual.items())
