from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lessons.errors import ModelNotFound
from students import Pretrained, Student
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
