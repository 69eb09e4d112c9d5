from __future__ import annotations

from pathlib import Path

import pytest

from lessons import gguf
from lessons.errors import ModelNotFound


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gguf"


def test_a_file_is_converted_once_and_found_by_its_content(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted: list[Path] = []

    def convert(file: Path, folder: Path) -> None:
        converted.append(file)
        folder.mkdir()

    monkeypatch.setattr(gguf, "convert", convert)
    one, same, other = (tmp_path / name for name in ("one.gguf", "same.gguf", "other.gguf"))
    for path, content in ((one, b"GGUF 1"), (same, b"GGUF 1"), (other, b"GGUF 2")):
        path.write_bytes(content)
    folders = [gguf.converted_folder(path) for path in (one, one, same, other)]
    assert folders[0] == folders[1] == folders[2] != folders[3]
    assert converted == [one, other]
    assert folders[0].parent == cache
    assert folders[0].name.startswith(gguf.file_digest(one)[:32])
    assert gguf.converted_folder(one, gguf.file_digest(one)) == folders[0]


def test_a_file_that_transformers_cannot_read_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(
        ModelNotFound, match=r"model.gguf cannot be converted: .*Get the model as a Hugging Face folder"
    ):
        gguf.converted_folder(tmp_path / "model.gguf")
    assert not [path for path in cache.iterdir() if path.is_dir()]
