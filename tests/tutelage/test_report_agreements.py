from __future__ import annotations

from pathlib import Path

from lessons.records import Annotation, Provenance
from lessons.tables import write_annotations
from tutelage.report.agreements import agreement_sentences


def label(prompt: str, kind: str, answer: str, saw: bool = False) -> Annotation:
    source = Provenance("T", "m", "t/1", f"{prompt}{kind}", 1, 1, 0.0, "stop")
    return Annotation(prompt, kind, 0, "text", source, answer=answer, value=float(answer), saw_reference=saw)


def test_two_teachers_that_rate_alike_are_said_to(tmp_path: Path) -> None:
    rows = []
    for k in range(6):
        rows.append(label(f"p{k}", "difficulty", str(k % 3)))
        rows.append(label(f"p{k}", "difficulty.second", str(k % 3 if k else 1), saw=True))
    write_annotations(tmp_path / "lessons.parquet", rows)
    (found,) = agreement_sentences([tmp_path / "lessons.parquet", tmp_path / "absent.parquet"])
    assert found.startswith("difficulty and difficulty.second (difficulty.second saw the right answer): the same label")
    assert "on 5 of 6 (" in found
    assert "kappa 0.75 (" in found
    assert "rank correlation +0.9" in found


def test_a_single_teacher_has_nobody_to_agree_with(tmp_path: Path) -> None:
    write_annotations(tmp_path / "lessons.parquet", [label("p", "difficulty", "1")])
    assert agreement_sentences([tmp_path / "lessons.parquet"]) == ()
