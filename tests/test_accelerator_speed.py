"""What benchmarks/accelerator_speed.py says of devices; what it measures needs one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The benchmark's module."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import accelerator_speed

    yield accelerator_speed
    for name in ("accelerator_speed", "model_flops", "machine"):
        sys.modules.pop(name)


@pytest.mark.parametrize(
    ("device", "tera_flops"),
    [
        ("NVIDIA H200", 989),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA L4", 121),
        ("NVIDIA L40S", 362),
        ("NVIDIA L40", None),
        ("NVIDIA A10G", None),
        ("NVIDIA RTX A1000", None),
    ],
)
def test_the_peak_is_that_of_the_device_or_unknown(benchmark: Any, device: str, tera_flops: float | None) -> None:
    assert benchmark.peak_of(device) == tera_flops


def test_without_a_gpu_it_says_what_to_do(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match=r"finds none here\. Run it on .* NVIDIA GPU .* --accelerator cpu"):
        benchmark.device_name("cuda")
