from __future__ import annotations

from pathlib import Path

import pytest

from lessons.errors import DataError
from lessons.sources import ColumnMap, CSVSource


def test_rows_become_prompts(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text('\ufeffquestion,answer,level\n"a, b\nc",1,2\nd,,\n', encoding="utf-8")
    found = [
        (p.question, p.reference, p.difficulty) for p in CSVSource(str(file), ColumnMap(difficulty="level")).prompts()
    ]
    assert found == [("a, b\nc", "1", 2.0), ("d", None, None)]


def test_other_delimiters(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("question\tanswer\na,b\t1\n")
    assert [p.question for p in CSVSource(str(tmp_path / "x.tsv"), delimiter="\t").prompts()] == ["a,b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "question,answer\na,1\nb,2,3\n",
            r"x.csv:3: a row of 3 cells under a first line of 2 \(question, answer\).*double quotes",
        ),
        ("question,answer\na\n", r"x.csv:2: a row of 1 cells under a first line of 2"),
        ('question,answer\n"a"b,1\n', r"x.csv:\d: not readable as CSV \(.*delimiter ','"),
        ("question,reply\na,1\n", r"x.csv:2: no column 'answer'; there are question, reply"),
        ("question,answer\n,1\n", r"x.csv:2: the question in column 'question' is empty"),
        ("", r"No prompts in .*x.csv: 0 rows"),
    ],
)
def test_bad_files_are_named_by_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        list(CSVSource(str(tmp_path / "x.csv")).prompts())


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("question,answer\ncaf\u00e9,1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"x.csv:\d: not readable as CSV .*UTF-8 text"):
        list(CSVSource(str(tmp_path / "x.csv")).prompts())
