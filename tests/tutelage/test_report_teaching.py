from __future__ import annotations

from pathlib import Path

from lessons.records import Annotation, Provenance
from lessons.tables import write_annotations
from teachers.recordings import RECORDED
from tutelage.report.teaching import count_spending


def annotation(key: str, teacher: str, dollars: float | None, kind: str = "rationale") -> Annotation:
    return Annotation("p", kind, 0, "text", Provenance(teacher, "m", "t/1", key, 10, 2, dollars, "stop"))


def test_each_call_counts_once_and_recordings_not_at_all(tmp_path: Path) -> None:
    rows = [
        annotation("a", "OpenAIBackend", 0.5),
        annotation("a", "OpenAIBackend", 0.5, "difficulty"),
        annotation("b", "OpenAIBackend", None),
        annotation("c", RECORDED, None),
    ]
    write_annotations(tmp_path / "lessons.parquet", rows)
    (bill,) = count_spending([tmp_path / "lessons.parquet", tmp_path / "absent.parquet"])
    assert (bill.teacher, bill.calls, bill.unpriced_calls) == ("OpenAIBackend (m)", 2, 1)
    assert (bill.input_tokens, bill.output_tokens, bill.dollars) == (20, 4, 0.5)
