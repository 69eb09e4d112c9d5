"""What the doctor says of the memory that a student will take."""

from __future__ import annotations

import re

import pytest
import torch

import tutelage.checkup.memory
from students import GGUF, Adapted, FourBit, LoRA, Pretrained, PrunedCopy, RandomWeights, Student, Weights
from tutelage.checkup.memory import check_memory

SMALL = RandomWeights(hidden_size=128, layers=2, heads=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(Student(SMALL).export(tmp_path_factory.mktemp("student") / "student"))


def test_the_outline_has_the_shapes_of_what_is_loaded(folder: str) -> None:
    sources = [SMALL, Pretrained(folder), PrunedCopy(Pretrained(folder), 1), Adapted(Pretrained(folder), ["nowhere"])]
    for source in sources:
        outline = source.outline()
        assert outline is not None
        assert all(parameter.is_meta for parameter in outline.parameters())
        loaded = source if not isinstance(source, Adapted) else source.source
        model = loaded.load(torch.float32).model
        assert {n: p.shape for n, p in outline.named_parameters()} == {n: p.shape for n, p in model.named_parameters()}
        assert source.bytes_held(4) == sum(p.numel() * p.element_size() for p in model.parameters())


@pytest.mark.parametrize("double", [True, False])
def test_weights_in_four_bits_are_counted_as_they_are_held(folder: str, double: bool) -> None:
    source = FourBit(Pretrained(folder), double_quantisation=double)
    held = 0
    for parameter in source.load(torch.float32).model.parameters():
        held += parameter.numel() * parameter.element_size()
        state = getattr(parameter, "quant_state", None)
        if state is not None:
            held += state.absmax.numel() * state.absmax.element_size()
            held += 4 * state.state2.absmax.numel() if double else 0
    assert source.bytes_held(4) == pytest.approx(held, rel=1e-3)  # the last blocks of scales are not full


def estimate(weights: Weights, adapter: LoRA | None = None) -> tuple[str, float, float]:
    (finding,) = check_memory(Student(weights, adapter, precision="float32"))
    gib, bits = re.search(r"about ([\d.]+) GiB.* ([\d.]+) bits each", finding.text).groups()
    return finding.status, float(gib), float(bits)


def test_the_doctor_says_what_training_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tutelage.checkup.memory, "memory", lambda: (4 * 2**30, "free here"))
    large = RandomWeights(hidden_size=1024, layers=12, heads=8, feed_forward_size=4096)  # 201 million
    assert estimate(large) == ("ok", pytest.approx(201.5e6 * 16 / 2**30, rel=0.01), 32)
    monkeypatch.setattr(tutelage.checkup.memory, "memory", lambda: (2**30, "free here"))
    assert estimate(large)[0] == "warn"
    status, gib, bits = estimate(FourBit(large), LoRA(rank=8))
    assert status == "ok"
    assert bits == pytest.approx(4.127, rel=0.01)  # nearly all of it is in linear layers
    assert gib == pytest.approx((201.5e6 * 4.13 / 8 + 201.5e6 / 50 * 12) / 2**30, rel=0.1)


def test_what_is_known_only_when_it_is_read_is_not_estimated() -> None:
    (finding,) = check_memory(Student(FourBit(GGUF("model.gguf")), LoRA()))
    assert (finding.status, finding.text[:13]) == ("warn", "not estimated")
