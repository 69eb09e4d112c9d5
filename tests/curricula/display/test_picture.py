from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula import (
    Category,
    EasyFirst,
    Length,
    Rarity,
    Shuffled,
    SignalTable,
    Steps,
    TeacherLabel,
    Tiers,
    draw,
    plan,
    write_signals,
)
from curricula.display.along import changes, coverage, occurrences, trend
from curricula.display.picture import marked, panel_names
from lessons.errors import CheckpointMismatch, ConfigError
from lessons.lesson_set import LessonSet

Make = Callable[..., LessonSet]
BY = "teacher_difficulty"


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_picture_is_written_whole(make_lessons: Make, tmp_path: Path, ending: str, magic: bytes) -> None:
    made = plan(make_lessons([0.9, None, 0.1, 0.5]), [TeacherLabel(), Length()], Tiers(2, "last"), BY, passes=2.5)
    draw(*made, tmp_path / f"curriculum.{ending}")
    assert [path.name for path in tmp_path.iterdir()] == [f"curriculum.{ending}"]
    assert (tmp_path / f"curriculum.{ending}").read_bytes().startswith(magic)


def test_the_text_in_the_picture_says_what_is_drawn(make_lessons: Make, tmp_path: Path) -> None:
    from matplotlib import rc_context

    made = plan(make_lessons([0.9, None, 0.1]), [Length(), TeacherLabel()], Tiers(2, "last"), BY, passes=2)
    with rc_context({"svg.fonttype": "none"}):
        draw(*made, tmp_path / "curriculum.svg")
    text = (tmp_path / "curriculum.svg").read_text()
    for words in (
        "Tiers by teacher_difficulty: 3 lessons, 2 passes, 6 entries",
        "Teacher difficulty (the plan is ordered by this), missing for 1 of 3 lessons",
        "Question characters",
        "characters",
        "lessons seen",
        "at least 2 times",
        "Position in the plan, in lessons (solid line: next pass, dotted line: next tier)",
    ):
        assert words in text


def test_the_smallest_plans_can_be_drawn(make_lessons: Make, tmp_path: Path) -> None:
    draw(*plan(make_lessons([0.5]), [], Shuffled()), tmp_path / "bare.png")
    draw(*plan(make_lessons([None]), [TeacherLabel("quality")], Shuffled()), tmp_path / "missing.png")
    draw(*plan(make_lessons([0.5]), [TeacherLabel()], EasyFirst(), BY, passes=40), tmp_path / "repeats.png")


def test_drawing_leaves_matplotlibs_global_state_alone(make_lessons: Make, tmp_path: Path) -> None:
    made = plan(make_lessons([0.5, 0.1]), [TeacherLabel()], EasyFirst(), BY)
    made.curriculum.write(tmp_path)
    write_signals(tmp_path / "signals.parquet", made.signals)
    code = (
        "import sys; from curricula import *; folder = sys.argv[1];"
        "draw(Curriculum.read(folder), read_signals(folder + '/signals.parquet'), folder + '/curriculum.png');"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_another_ending_is_refused(make_lessons: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"curriculum\.gif: the name must end in \.png, \.svg or \.pdf\. Rename it"):
        draw(*plan(make_lessons([0.5]), [], Shuffled()), tmp_path / "curriculum.gif")


def test_signals_of_other_lessons_are_refused(make_lessons: Make, tmp_path: Path) -> None:
    made = plan(make_lessons([0.5]), [], Shuffled())
    with pytest.raises(CheckpointMismatch, match="both must come from one plan"):
        draw(made.curriculum, SignalTable(made.signals.lesson_ids, {}, "other"), tmp_path / "curriculum.png")


def test_lines_mark_passes_and_tiers_only_where_they_stay_readable(make_lessons: Make) -> None:
    def marks(passes: int) -> list[list[int]]:
        made = plan(make_lessons([0.1, 0.5, 0.9]), [TeacherLabel()], Tiers(3), BY, passes=passes)
        return [mark.positions.tolist() for mark in marked(made.curriculum)]

    assert marks(2) == [[3], [1, 2, 4, 5]]
    assert marks(20) == [[3 * k for k in range(1, 20)]]
    assert marks(40) == []


def test_a_category_and_a_length_have_a_panel_before_other_signals(make_lessons: Make) -> None:
    lessons = make_lessons([0.1, 0.5], [{"skill": "a"}, {"skill": "b"}])
    signals = [TeacherLabel(), *(Steps(of) for of in ("rationale", "difficulty")), Rarity(), Length(),
               Category("metadata.skill")]  # fmt: skip
    made = plan(lessons, signals, EasyFirst(), BY)
    assert panel_names(*made)[:3] == [BY, "skill", "question_characters"]
    assert len(panel_names(*made)) == 4


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_occurrences_count_the_times_before(rows: list[int]) -> None:
    assert occurrences(np.array(rows)).tolist() == [rows[:k].count(row) for k, row in enumerate(rows)]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(1, 4))
def test_coverage_counts_the_lessons_seen_so_often(rows: list[int], times: int) -> None:
    expected = [sum(rows[:k].count(row) >= times for row in range(5)) * 20 for k in range(len(rows) + 1)]
    assert coverage(occurrences(np.array(rows)), times, 5).tolist() == pytest.approx(expected)


@given(st.lists(st.one_of(st.floats(-9, 9), st.just(np.nan)), min_size=1, max_size=60), st.integers(1, 20))
def test_trends_stay_inside_the_values_and_skip_gaps(values: list[float], windows: int) -> None:
    along = trend(np.array(values), windows)
    known = ~np.isnan(along.mean)
    assert len(along.mean) == min(windows, len(values))
    assert (along.low[known] <= along.high[known]).all()
    if known.any():
        assert np.nanmin(values) - 1e-9 <= along.mean[known].min()
        assert along.mean[known].max() <= np.nanmax(values) + 1e-9


def test_no_window_crosses_a_break() -> None:
    values = np.repeat([0.0, 1.0, 5.0], [7, 3, 10])
    along = trend(values, 4, [7, 10])
    assert set(along.mean) == {0.0, 1.0, 5.0}
    assert (along.low == along.high).all()
    assert (np.diff(along.centre) > 0).all()


def test_changes_are_where_a_number_differs_from_the_one_before() -> None:
    assert changes(np.array([0, 0, 1, 1, 4], np.int32)).tolist() == [2, 4]
