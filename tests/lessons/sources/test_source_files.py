from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from lessons.errors import DataError
from lessons.sources import CSVSource, JSONLSource
from lessons.sources.source_files import existing_file, opened_bytes


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").touch()
    assert existing_file(tmp_path / "train.jsonl") == tmp_path / "train.jsonl"
    with pytest.raises(DataError, match=r"No file .*trian.jsonl. Did you mean .*/train.jsonl\?"):
        existing_file(tmp_path / "trian.jsonl")
    with pytest.raises(DataError, match="is a folder; a file is allowed here"):
        existing_file(tmp_path)
    with pytest.raises(DataError, match=r"No file .*Correct the path"):
        existing_file(tmp_path / "no" / "such")


def test_packed_files_are_unpacked_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"question,answer\nWhy?,because\n"))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"question": "Why?", "answer": "because"}\n'))
    for source in (CSVSource(str(tmp_path / "a.csv.gz")), JSONLSource(str(tmp_path / "a.jsonl.gz"))):
        assert [(p.question, p.reference) for p in source.prompts()] == [("Why?", "because")]


@pytest.mark.parametrize(
    "content", [b"plain text", gzip.compress(b"question,answer\n" * 500)[:-9]], ids=["not packed", "cut off"]
)
def test_a_damaged_packed_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv.gz").write_bytes(content)
    with (
        pytest.raises(DataError, match=r"a\.csv\.gz is not a whole gzip file .*pack it again"),
        opened_bytes(tmp_path / "a.csv.gz") as file,
    ):
        file.read()
