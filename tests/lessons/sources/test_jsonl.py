from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from lessons.errors import DataError
from lessons.sources import ColumnMap, JSONLSource


def test_lines_become_prompts(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"question": "a\xc3\xa9", "answer": 1}\r\n\n{"question": "b", "answer": null}')
    found = [(p.id, p.question, p.reference) for p in JSONLSource(str(file)).prompts()]
    assert found == [("train:0", "a\u00e9", "1"), ("train:1", "b", None)]


def test_compressed_files(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "x.jsonl.gz", "wt") as file:
        file.write('{"question": "a", "answer": "1"}\n')
    assert [p.id for p in JSONLSource(str(tmp_path / "x.jsonl.gz")).prompts()] == ["x:0"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"question": "b", "ans', r"x.jsonl:3: broken JSON \(.*each line must be one JSON object.*Correct or remove"),
        (b"\xff\xfe", r"x.jsonl:3: broken JSON \(.*in UTF-8"),
        (b"[", r"x.jsonl:3: broken JSON .*one JSON array over many lines: write one object a line"),
        (b"[1, 2]", r"x.jsonl:3: a line holds list '\[1, 2\]'; each line must be one JSON object"),
        (b"[" * 100_000, r"x.jsonl:3: broken JSON"),
        (b'{"answer": 1}', r"x.jsonl:3: no column 'question'; there are answer"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b'{"question": "a", "answer": 1}\n\n' + line + b"\n")
    with pytest.raises(DataError, match=message):
        list(JSONLSource(str(file)).prompts())


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").touch()
    with pytest.raises(DataError, match=r"No prompts in .*x.jsonl: 0 rows"):
        list(JSONLSource(str(tmp_path / "x.jsonl")).prompts())


def test_memory_stays_flat(tmp_path: Path) -> None:
    file = tmp_path / "big.jsonl"
    with file.open("w") as out:
        for k in range(30_000):
            out.write(json.dumps({"question": "q" * 300, "answer": k}) + "\n")
    tracemalloc.start()
    count = sum(1 for _ in JSONLSource(str(file)).prompts())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 30_000
    assert peak < 1_000_000 < file.stat().st_size


@pytest.mark.shared_data
def test_recorded_word_problems(shared_data: Path) -> None:
    columns = ColumnMap(id="id", topic="problem_type", metadata=["teacher"])
    prompts = list(JSONLSource(str(shared_data / "svamp_palm" / "test.jsonl"), columns).prompts())
    assert len({p.id for p in prompts}) == 200
    assert all(p.reference and "." not in p.reference for p in prompts)
