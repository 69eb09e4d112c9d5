from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from curricula import Curriculum, EasyFirst, Shuffled, TeacherLabel, plan
from lessons.errors import CheckpointMismatch, DataError, StorageError
from lessons.lesson_set import LessonSet
from lessons.records import Annotation, Prompt
from lessons.tables import write_annotations, write_prompts

Make = Callable[..., LessonSet]
MakeRecords = Callable[..., tuple[list[Prompt], list[Annotation]]]


@pytest.fixture
def lessons(make_lessons: Make) -> LessonSet:
    return make_lessons([0.9, None, 0.1, 0.5])


@pytest.fixture
def curriculum(lessons: LessonSet) -> Curriculum:
    return plan(lessons, [TeacherLabel()], EasyFirst("last"), "teacher_difficulty", passes=2.5, seed=7).curriculum


def test_a_written_curriculum_comes_back_unchanged(curriculum: Curriculum, tmp_path: Path) -> None:
    curriculum.write(tmp_path / "round-000")
    back = Curriculum.read(tmp_path / "round-000")
    for name in ("lesson_ids", "stage", "weight", "score"):
        np.testing.assert_array_equal(getattr(back, name), getattr(curriculum, name))
        assert getattr(back, name).dtype == getattr(curriculum, name).dtype
    for name in ("rule", "seed", "counts", "lessons_fingerprint", "fingerprint"):
        assert getattr(back, name) == getattr(curriculum, name)


def test_the_files_can_be_read_without_this_package(curriculum: Curriculum, tmp_path: Path) -> None:
    curriculum.write(tmp_path)
    table = pq.read_table(tmp_path / "curriculum.parquet")
    assert table.column_names == ["position", "lesson_id", "stage", "weight", "score"]
    assert table["position"].to_pylist() == list(range(10))
    assert table["score"].null_count == 2  # missing stays missing: null, not NaN
    facts = json.loads((tmp_path / "curriculum.json").read_text())
    assert facts["seed"] == 7
    assert facts["counts"]["entries"] == 10


def test_the_same_plan_gives_the_same_bytes(curriculum: Curriculum, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        curriculum.write(tmp_path / folder)
    for name in ("curriculum.parquet", "curriculum.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_repeats_share_one_object_after_reading(curriculum: Curriculum, tmp_path: Path) -> None:
    curriculum.write(tmp_path)
    assert len(set(map(id, Curriculum.read(tmp_path).lesson_ids))) == 4


def test_positions_lead_back_to_the_lessons(curriculum: Curriculum, lessons: LessonSet) -> None:
    assert (lessons.ids[curriculum.positions_in(lessons)] == curriculum.lesson_ids).all()


def test_other_lessons_are_refused_with_both_fingerprints(
    curriculum: Curriculum, lessons: LessonSet, make_lessons: Make
) -> None:
    others = make_lessons([0.9, 0.3, 0.1, 0.5])
    curriculum.check(lessons)
    with pytest.raises(
        CheckpointMismatch,
        match=rf"{lessons.fingerprint} \(4 lessons\), and these have {others.fingerprint} \(4 lessons\).*plan again",
    ):
        curriculum.positions_in(others)


def test_the_fingerprint_covers_order_stages_and_weights(curriculum: Curriculum) -> None:
    changed = [
        dataclasses.replace(curriculum, lesson_ids=curriculum.lesson_ids[::-1]),
        dataclasses.replace(curriculum, stage=curriculum.stage + np.int32(1)),
        dataclasses.replace(curriculum, weight=curriculum.weight * 2),
    ]
    assert len({curriculum.fingerprint, *(other.fingerprint for other in changed)}) == 4
    assert dataclasses.replace(curriculum).fingerprint == curriculum.fingerprint


def test_plans_fit_the_lessons_read_from_their_files_again(make_records: MakeRecords, tmp_path: Path) -> None:
    prompts, annotations = make_records([0.9, 0.2, 0.4])
    write_prompts(tmp_path / "prompts.parquet", prompts)
    write_annotations(tmp_path / "lessons.parquet", annotations)

    def read() -> LessonSet:
        return LessonSet.read(tmp_path / "prompts.parquet", tmp_path / "lessons.parquet", "rationale")

    plan(read(), [TeacherLabel()], EasyFirst(), "teacher_difficulty").curriculum.write(tmp_path)
    back = Curriculum.read(tmp_path)
    assert back.positions_in(read()).tolist() == [1, 2, 0]
    with pytest.raises(CheckpointMismatch, match="the same target, targets_per_prompt and trusted_only"):
        back.check(LessonSet.read(tmp_path / "prompts.parquet"))


def test_a_missing_curriculum_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No file .*curriculum\.json\. Plan first \(`tutelage plan`\)"):
        Curriculum.read(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_a_broken_rule_file_is_named(curriculum: Curriculum, tmp_path: Path, text: str) -> None:
    curriculum.write(tmp_path)
    (tmp_path / "curriculum.json").write_text(text)
    with pytest.raises(DataError, match=r"curriculum\.json is not a curriculum's JSON object .* Plan again"):
        Curriculum.read(tmp_path)


def test_a_rule_file_of_another_format_is_refused(curriculum: Curriculum, tmp_path: Path) -> None:
    curriculum.write(tmp_path)
    (tmp_path / "curriculum.json").write_text('{"format": 9, "rule": {}, "seed": 0, "counts": {}}')
    with pytest.raises(DataError, match=r"has format 9 and lacks fingerprint, lessons_fingerprint; this version reads"):
        Curriculum.read(tmp_path)


def test_files_of_two_plans_are_not_mixed(curriculum: Curriculum, lessons: LessonSet, tmp_path: Path) -> None:
    curriculum.write(tmp_path / "one")
    plan(lessons, [], Shuffled()).curriculum.write(tmp_path / "two")
    (tmp_path / "two" / "curriculum.parquet").replace(tmp_path / "one" / "curriculum.parquet")
    with pytest.raises(DataError, match=r"do not belong together: .* Plan again"):
        Curriculum.read(tmp_path / "one")


def test_a_disk_that_refuses_is_named(curriculum: Curriculum, tmp_path: Path) -> None:
    (tmp_path / "round-000").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"Could not write .*curriculum\.parquet.* run the same command again"):
        curriculum.write(tmp_path / "round-000")


def test_a_failed_write_leaves_the_old_plan_whole(curriculum: Curriculum, tmp_path: Path) -> None:
    curriculum.write(tmp_path)
    torn = dataclasses.replace(curriculum, weight=np.ones(3))
    with pytest.raises(ValueError, match="length"):
        torn.write(tmp_path)
    assert Curriculum.read(tmp_path).fingerprint == curriculum.fingerprint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curriculum.json", "curriculum.parquet"]
