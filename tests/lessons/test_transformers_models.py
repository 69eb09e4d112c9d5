from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lessons.transformers_models import folder_fingerprint, plain_model
from tests.students.conftest import tiny_weights


def test_a_plain_model_shares_its_tensors() -> None:
    model = tiny_weights().load(torch.float32).model
    again = plain_model(model.config, dict(model.state_dict()))
    assert again.get_input_embeddings().weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    assert again.get_output_embeddings().weight is again.get_input_embeddings().weight


def test_missing_and_foreign_tensors_are_impossible() -> None:
    model = tiny_weights().load(torch.float32).model
    tensors = dict(model.state_dict())
    with pytest.raises(AssertionError, match="no place for"):
        plain_model(model.config, {**tensors, "lora_A": torch.zeros(1)})
    del tensors["model.norm.weight"]
    with pytest.raises(AssertionError, match=r"no tensor for \['model.norm.weight'\]"):
        plain_model(model.config, tensors)


def test_large_files_are_sampled_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lessons.transformers_models.SAMPLE_BYTES", 16)
    monkeypatch.setattr("lessons.transformers_models.SAMPLES_PER_FILE", 8)
    content = bytearray(1_000)
    seen = set()
    for position in (None, 0, 999, 990):
        changed = bytearray(content)
        if position is not None:
            changed[position] = 1
        (tmp_path / "model.safetensors").write_bytes(changed)
        seen.add(folder_fingerprint(tmp_path))
    assert len(seen) == 4
