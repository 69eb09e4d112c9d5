from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curricula import Given, Length, TeacherLabel, measure, read_signals, write_signals
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

Make = Callable[..., LessonSet]


def test_signals_come_back_with_gaps_units_and_provenance(make_lessons: Make, tmp_path: Path) -> None:
    table = measure(make_lessons([0.25, None]), [TeacherLabel(), Length(), TeacherLabel("quality")])
    write_signals(tmp_path / "signals.parquet", table)
    back = read_signals(tmp_path / "signals.parquet")
    assert (back.lesson_ids == table.lesson_ids).all()
    assert back.lessons_fingerprint == table.lessons_fingerprint
    assert list(back.columns) == ["teacher_difficulty", "question_characters", "teacher_quality"]
    for name, column in table.columns.items():
        np.testing.assert_array_equal(back.scores(name), column.values)
        assert back.column(name).unit == column.unit
        assert back.column(name).provenance == column.provenance


def test_missing_values_are_null_for_other_readers(make_lessons: Make, tmp_path: Path) -> None:
    write_signals(tmp_path / "signals.parquet", measure(make_lessons([0.25, None]), [TeacherLabel()]))
    table = pq.read_table(tmp_path / "signals.parquet")
    assert table["teacher_difficulty"].to_pylist() == [0.25, None]
    assert table["lesson_id"].to_pylist() == ["p0", "p1"]


def test_two_signals_of_one_name_are_refused(make_lessons: Make) -> None:
    with pytest.raises(ConfigError, match=r"names must differ .*: given_difficulty\. Remove one"):
        measure(make_lessons([0.1]), [Given(), Given()])


def test_an_unknown_signal_is_named_with_those_there_are(make_lessons: Make) -> None:
    with pytest.raises(DataError, match=r"no signal 'loss'; there are: given_difficulty"):
        measure(make_lessons([0.1]), [Given()]).scores("loss")
    with pytest.raises(DataError, match=r"no signal 'loss'; there are: none"):
        measure(make_lessons([0.1]), []).column("loss")


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No file .*signals\.parquet\. Plan first"):
        read_signals(tmp_path / "signals.parquet")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"lesson_id": ["a"]}), tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    for name in ("other.parquet", "text.parquet"):
        with pytest.raises(DataError, match=rf"{name} is not a signals file .*tutelage\.signals.*Plan again"):
            read_signals(tmp_path / name)
