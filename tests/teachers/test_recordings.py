from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import ConfigError, DataError
from lessons.graders import NumberGrader
from lessons.sources import ColumnMap, JSONLSource
from lessons.tables import read_annotations
from teachers import RecordedAnnotations, RecordedColumns

COLUMNS = RecordedColumns(id="key", text="why", answer="result", model="by")


def rows() -> list[dict[str, Any]]:
    return [
        {"key": "p101", "why": "as it is", "result": 108, "by": "m1", "level": 3},
        {"key": "p100", "why": "clear", "result": 100.0, "by": "m1", "level": 1},
        {"key": "p101", "why": "a guess", "result": "7", "by": "m2", "level": 10},
        {"key": "stranger", "why": "?", "result": "1", "by": "m2", "level": 10},
    ]


def write(folder: Path, ending: str) -> str:
    path = folder / f"recording{ending}"
    if ending == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    elif ending == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows()[0]))
            writer.writeheader()
            writer.writerows(rows())
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist([{**row, "result": str(row["result"])} for row in rows()]), path)
    return str(path)


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_rows_become_graded_annotations_in_prompt_order(tmp_path: Path, sums: Any, ending: str) -> None:
    recording = RecordedAnnotations(write(tmp_path, ending), COLUMNS)
    summary = recording.write(sums(3), NumberGrader(), tmp_path / "o.parquet")
    found = list(read_annotations(tmp_path / "o.parquet"))
    assert [(a.prompt_id, a.sample, a.text, a.trusted) for a in found] == [
        ("p100", 0, "clear", True),
        ("p101", 0, "as it is", True),
        ("p101", 1, "a guess", False),
    ]
    assert (summary.annotations, summary.trusted, summary.wrong) == (3, 2, 1)
    assert {(a.provenance.teacher, a.provenance.model) for a in found} == {("recorded", "m1"), ("recorded", "m2")}
    assert len({a.provenance.request_key for a in found}) == 3


def test_answers_are_found_in_the_text(tmp_path: Path, sums: Any, grader: Any) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"id": "p100", "rationale": "so\\nAnswer: 100"}\n{"id": "p101", "rationale": "none"}\n')
    first, second = RecordedAnnotations(str(path)).annotations(sums(2), grader)
    assert (first.text, first.answer, first.trusted) == ("so", "100", True)
    assert (second.problem, second.trusted) == ('no line starts with "Answer:"', False)


def test_labels_are_brought_into_the_range(tmp_path: Path, sums: Any) -> None:
    path, columns = write(tmp_path, ".csv"), RecordedColumns(id="key", text="why", value="level")
    recording = RecordedAnnotations(path, columns, kind="difficulty", value_range=(1, 10), where={"by": "m1"})
    assert [a.value for a in recording.annotations(sums(2), None)] == [0.0, pytest.approx(2 / 9)]
    with pytest.raises(DataError, match=r"recording\.csv:4: the label 10 is outside value_range 1 to 5"):
        list(RecordedAnnotations(path, columns, "difficulty", value_range=(1, 5)).annotations(sums(2), None))


def test_rows_without_ids_are_numbered_as_prompt_sources_do(tmp_path: Path, grader: Any) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(
        '{"question": "1+1", "answer": "2", "why": "so"}\n{"question": "2+2", "answer": "4", "why": "so"}\n'
    )
    prompts = list(JSONLSource(str(path), ColumnMap(reference="answer")).prompts())
    found = RecordedAnnotations(str(path), RecordedColumns(id=None, text="why", answer="answer")).annotations(
        prompts, grader
    )
    assert [(a.prompt_id, a.trusted) for a in found] == [("train:0", True), ("train:1", True)]


def test_bad_recordings_are_explained(tmp_path: Path, sums: Any) -> None:
    with pytest.raises(DataError, match=r"about any of the 2 prompts: it has 4 rows.*the first about 'm1'"):
        list(
            RecordedAnnotations(write(tmp_path, ".csv"), RecordedColumns(id="by", text="why")).annotations(
                sums(2), None
            )
        )
    with pytest.raises(DataError, match="reason"):
        list(RecordedAnnotations(write(tmp_path, ".csv"), RecordedColumns("key", "reason")).annotations(sums(2), None))
    with pytest.raises(ConfigError, match=r"must end with \.jsonl, \.csv or \.parquet"):
        list(RecordedAnnotations("recording.txt").annotations(sums(2), None))


@pytest.mark.shared_data
def test_the_recorded_rationales_of_svamp(shared_data: Path, tmp_path: Path) -> None:
    path = str(shared_data / "svamp_palm" / "train.jsonl")
    prompts = list(JSONLSource(path, ColumnMap(id="id", reference="answer")).prompts())
    columns = RecordedColumns(text="rationale", answer="teacher_answer", model="teacher")
    summary = RecordedAnnotations(path, columns).write(prompts, NumberGrader(), tmp_path / "o.parquet")
    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    assert summary.annotations == len(rows)
    assert summary.trusted == sum(row["teacher_correct"] for row in rows)
