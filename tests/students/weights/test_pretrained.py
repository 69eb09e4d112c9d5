from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lessons.errors import ConfigError, ModelNotFound
from students import FourBit, Pretrained, PretrainedTokenizer, RandomWeights, Student
from tests.students.conftest import ask, tiny_weights


@pytest.fixture
def folder(tiny_student: Student, tmp_path: Path) -> Path:
    return tiny_student.export(tmp_path / "student")


def test_a_folder_loads_in_the_precision_asked(folder: Path, tiny_student: Student) -> None:
    loaded = Pretrained(str(folder)).load(torch.float32)
    ids = torch.tensor([tiny_student.encoder.prompt_ids(ask("1+1=?"))])
    assert torch.equal(loaded.model(ids).logits, tiny_student.model(ids).logits)
    assert Pretrained(str(folder)).load(torch.bfloat16).model.dtype == torch.bfloat16


def test_fingerprint_follows_the_weights(folder: Path, tmp_path: Path) -> None:
    same = Pretrained(str(Student(tiny_weights()).export(tmp_path / "same", {"told": "otherwise"}))).fingerprint
    other = Pretrained(str(Student(tiny_weights(seed=1)).export(tmp_path / "other"))).fingerprint
    assert Pretrained(str(folder)).fingerprint != other
    assert Pretrained(str(folder)).fingerprint == same


def test_nothing_is_printed_where_nobody_watches(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    Student(Pretrained(str(folder))).export(folder.parent / "again")
    assert capfd.readouterr() == ("", "")


def test_no_such_model() -> None:
    with pytest.raises(ModelNotFound, match=r"No model './nowhere'.*Correct the path"):
        _ = Pretrained("./nowhere").folder


def test_pickled_weights_are_not_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(
        ModelNotFound, match=r"no safetensors weights.*pytorch_model.bin.*can run code.*save_pretrained"
    ):
        Pretrained(str(folder)).load(torch.float32)


def test_a_gguf_file_belongs_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF....")
    with pytest.raises(ModelNotFound, match=r"is a GGUF file.*students.GGUF"):
        _ = Pretrained(str(tmp_path / "model.gguf")).folder


def published(folder: Path, **quantization: object) -> str:
    """Write into a folder's config.json how its weights are quantised."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": quantization}))
    return str(folder)


def test_weights_that_were_published_quantised_are_refused_before_they_are_read(folder: Path) -> None:
    source = Pretrained(published(folder, quant_method="gptq", bits=4))
    wanted = r"were published quantised.*names gptq.*fp8, mxfp4.*with students.FourBit around it.*dequantize\(\)"
    for use in (lambda: source.load(torch.float32), source.load_tokenizer, lambda: source.fingerprint):
        with pytest.raises(ConfigError, match=wanted):
            use()
    with pytest.raises(ConfigError, match=wanted):
        FourBit(source).load(torch.float32)
    assert PretrainedTokenizer(str(folder)).build().eos_token is not None  # which has nothing to do with the weights


def test_weights_in_fp8_are_read_as_the_numbers_that_they_stand_for(tmp_path: Path) -> None:
    folder = Student(RandomWeights(hidden_size=128, layers=1, heads=2)).export(tmp_path / "fp8")
    tensors, expected = load_file(folder / "model.safetensors"), {}
    for name in [name for name in tensors if "_proj" in name]:
        blocks = tensors[name].unflatten(0, (-1, 128)).unflatten(-1, (-1, 128))  # [rows, 128, columns, 128]
        scales = blocks.abs().amax((1, 3), keepdim=True) / 448
        packed = (blocks / scales).to(torch.float8_e4m3fn)
        expected[name] = (packed.float() * scales).reshape_as(tensors[name])
        tensors[name], tensors[f"{name}_scale_inv"] = packed.reshape_as(expected[name]), scales[:, 0, :, 0].contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    source = Pretrained(published(folder, quant_method="fp8", weight_block_size=[128, 128], fmt="e4m3"))
    model = source.load(torch.float32).model
    found = model.state_dict()
    assert len(expected) == 7
    for name, numbers in expected.items():
        assert torch.equal(found[name], numbers)
    again = Student(source).export(tmp_path / "again")  # and from then on it is a model like any other
    assert "quantization_config" not in json.loads((again / "config.json").read_text())
    ids = torch.arange(5, 30)[None]
    assert torch.equal(Pretrained(str(again)).load(torch.float32).model(ids).logits, model(ids).logits)
