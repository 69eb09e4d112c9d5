from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from curricula import EasyFirst, TeacherLabel, plan, read_signals, write_signals
from curricula.pool import Pool
from curricula.selection.band import Band
from curricula.selection.base import Selection, Selector
from curricula.selection.chain import select
from lessons.errors import DataError
from lessons.lesson_set import LessonSet


class LastTwin(Selector):
    """Leaves the last lesson out in favour of the first."""

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        reason = np.full(len(pool), -1, np.int16)
        reason[-1] = 0
        return Selection(reason, ("as good as another",), np.where(reason == 0, 0, -1))


def test_each_selector_sees_what_the_ones_before_kept(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(score=[0.9, 0.1, 0.2, 0.3, 0.4])
    kept, left_out = select(pool, [Band("score", high=0.5), LastTwin(), Band("score", low=0.2)], seed=0)
    assert kept.rows.tolist() == left_out.kept.tolist() == [2, 3]
    assert [left_out.reasons[k] for k in left_out.reason[[0, 4, 1]]] == [
        (0, "score above 0.5"),
        (1, "as good as another"),
        (2, "score below 0.2"),
    ]
    assert left_out.twin.tolist() == [-1, -1, -1, -1, 1]
    assert [left_out.count_by(k) for k in range(3)] == [1, 1, 1]


def test_an_empty_selection_is_refused_with_its_reasons(make_pool: Callable[..., Pool]) -> None:
    with pytest.raises(DataError, match=r"Band leaves none of the 2 lessons it was given: score below 0\.5; .*Loosen"):
        select(make_pool(score=[0.1, 0.2]), [Band("score", low=0.5)], seed=0)


def test_the_record_of_a_selection_comes_back_from_its_file(
    make_lessons: Callable[..., LessonSet], tmp_path: Path
) -> None:
    lessons = make_lessons([0.9, 0.1, 0.2, None])
    made = plan(
        lessons, [TeacherLabel()], EasyFirst(), "teacher_difficulty", select=[Band("teacher_difficulty"), LastTwin()]
    )
    write_signals(tmp_path / "signals.parquet", made.signals)
    before, after = made.signals.left_out, read_signals(tmp_path / "signals.parquet").left_out
    assert before is not None
    assert after is not None
    assert before.reasons == after.reasons
    assert before.selectors == after.selectors
    np.testing.assert_array_equal(before.reason, after.reason)
    np.testing.assert_array_equal(before.twin, after.twin)
    assert before.twin.tolist() == [-1, -1, 0, -1]
    assert made.curriculum.lesson_ids.tolist() == ["p1", "p0"]
    assert made.curriculum.counts["selected"] == 2
    assert made.curriculum.counts["least_repeats"] == 1
