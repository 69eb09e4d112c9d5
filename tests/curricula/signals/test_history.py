from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curricula import History
from curricula.history import HISTORY_SCHEMA
from lessons.errors import ConfigError, DataError

ROWS = [("p0", 20, 3.0), ("p1", 10, 0.5), ("p0", 10, 1.0), ("p0", 30, 2.0), ("elsewhere", 5, 9.0)]


@pytest.fixture
def path(tmp_path: Path) -> str:
    columns = zip(*ROWS, strict=True)
    ids, updates, values = (list(column) for column in columns)
    table = pa.table([ids, updates, ["loss"] * len(ROWS), values], schema=HISTORY_SCHEMA)
    pq.write_table(table, tmp_path / "history.parquet")
    return str(tmp_path / "history.parquet")


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("last", 2.0), ("mean", 2.0), ("deviation", np.std([1, 3, 2])), ("last_seen", 30), ("times", 3),
        ("progress", abs((1 + 0.5 * 2) + 0.5 * (2 - 2.0) - ((1 + 0.1 * 2) + 0.1 * (2 - 1.2)))),
    ],
)  # fmt: skip
def test_a_lessons_course_is_summed_up(make_lessons: Callable, path: str, statistic: str, expected: float) -> None:
    values = History(path, statistic=statistic).measure(make_lessons([0.5] * 3)).values  # type: ignore[arg-type]
    assert values[0] == pytest.approx(expected)
    assert np.isnan(values[2])
    assert History(path, statistic=statistic).name == f"loss_{statistic}"  # type: ignore[arg-type]


def test_one_visit_shows_no_progress(make_lessons: Callable, path: str) -> None:
    assert History(path, statistic="progress").measure(make_lessons([0.5] * 3)).values[1] == 0


def test_before_the_first_run_no_lesson_has_a_value(make_lessons: Callable, tmp_path: Path) -> None:
    column = History(str(tmp_path / "round-*" / "history"), "training_loss", "last").measure(make_lessons([0.5] * 2))
    assert column.missing == 2


def test_unknown_figures_and_statistics_are_refused(make_lessons: Callable, path: str) -> None:
    with pytest.raises(DataError, match=r"holds no figure 'accuracy'; it has: loss\. Name one"):
        History(path, "accuracy").measure(make_lessons([0.5]))
    with pytest.raises(
        ConfigError, match=r"statistic='first'; allowed are last, mean, last_seen, times, deviation and"
    ):
        History(path, statistic="first").measure(make_lessons([0.5]))  # type: ignore[arg-type]
