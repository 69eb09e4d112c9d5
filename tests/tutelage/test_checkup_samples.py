"""What the doctor shows of an arm that sets texts against each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lessons import RightAgainstWrong
from lessons.records import Annotation, Grade, Message, Prompt, Provenance
from lessons.tables import write_annotations, write_prompts
from students import Pairs, RandomWeights, Student
from tutelage.checkup.student import check_sample
from tutelage.course import Arm

PROMPTS = [Prompt(f"p{k}", (Message("user", f"{k}+{k}?"),), reference=str(2 * k)) for k in range(2)]
ARM = Arm(Pairs(RightAgainstWrong()))
STUDENT = Student(RandomWeights(hidden_size=16, layers=1, heads=2))


def wrote(prompt: Prompt, right: bool, sample: int) -> Annotation:
    grade = Grade(right, float(right), None, "exact/1")
    text = "It is so." if right else "It may be."
    return Annotation(prompt.id, "rationale", sample, text, Provenance("t", "m", "x/1", "k"), grade=grade)


def found(folder: Path) -> list[tuple[str, str]]:
    return [(each.status, each.text) for each in check_sample("pairs", ARM, STUDENT, PROMPTS[0], folder)]


def test_a_pair_is_shown_once_there_is_one(tmp_path: Path) -> None:
    missing = "they have no pair for RightAgainstWrong"
    assert found(tmp_path) == [("ok", f"none before the teacher has written: {missing}")]
    write_prompts(tmp_path / "prompts.parquet", PROMPTS)
    right = wrote(PROMPTS[0], True, 0)
    write_annotations(tmp_path / "lessons.parquet", [right])
    assert found(tmp_path) == [("warn", f"every lesson is left out: {missing}")]
    both = [wrote(PROMPTS[1], True, 0), wrote(PROMPTS[1], False, 1)]
    write_annotations(tmp_path / "lessons.parquet", [right, replace(right, sample=1), *both])
    shown = found(tmp_path)
    assert [status for status, _ in shown] == ["ok", "ok"]
    assert [text.rsplit(" ", 1)[1] for _, text in shown] == ["'chosen'", "'rejected'"]
