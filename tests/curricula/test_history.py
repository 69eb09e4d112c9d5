from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.history import HISTORY_SCHEMA, HistoryFolder, read_history
from lessons.errors import DataError

NAMES = np.array(["a", "b", "c"], object)
Measured = dict[int, list[float]]
losses = st.dictionaries(
    st.integers(1, 10**6), st.lists(st.floats(0, 9) | st.just(np.nan), min_size=3, max_size=3), min_size=1, max_size=6
)


def written(folder: Path, measured: Measured) -> HistoryFolder:
    history = HistoryFolder(folder / "history")
    for update, values in measured.items():
        history.add(update, NAMES, {"loss": np.array(values)})
    return history


def rows(path: Path) -> list[tuple[str, int, str, float]]:
    return [tuple(row.values()) for row in read_history(str(path)).to_pylist()]


@given(measured=losses, after=st.integers(0, 10**6))
def test_every_measurement_is_kept_up_to_the_checkpoint_and_missing_ones_are_not_invented(
    tmp_path_factory: pytest.TempPathFactory, measured: Measured, after: int
) -> None:
    history = written(tmp_path_factory.mktemp("run"), measured)
    history.path.mkdir(exist_ok=True)
    (history.path / ".000000007.parquet.1.partial").write_text("a process was killed while it wrote this")
    history.cut_back(after)
    expected = [
        (name, update, "loss", value)
        for update, values in sorted(measured.items())
        for name, value in zip("abc", values, strict=True)
        if update <= after and not np.isnan(value)
    ]
    if expected:
        assert rows(history.path) == expected
    else:
        assert not list(history.path.glob("*.parquet"))


def test_an_update_measured_again_after_a_kill_replaces_what_was_there(tmp_path: Path) -> None:
    history = written(tmp_path, {5: [1.0, 2.0, 3.0]})
    history.add(5, NAMES[:1], {"loss": np.array([9.0]), "pass_rate": np.array([0.5])})
    assert rows(history.path) == [("a", 5, "loss", 9.0), ("a", 5, "pass_rate", 0.5)]


def test_several_runs_are_counted_on(tmp_path: Path) -> None:
    for number, updates in enumerate(([10, 20], [10], [10])):
        written(tmp_path / f"round-{number}", {update: [1.0, np.nan, np.nan] for update in updates})
    assert [update for _, update, _, _ in rows(tmp_path / "round-*" / "history")] == [10, 20, 30, 40]


def test_a_pattern_that_nothing_fits_yet_is_empty_and_a_path_without_history_is_refused(tmp_path: Path) -> None:
    found = read_history(str(tmp_path / "round-*" / "history"))
    assert found.num_rows == 0
    assert found.schema == HISTORY_SCHEMA
    with pytest.raises(DataError, match=r"The folder .* holds no history: no file in it ends in \.parquet.*feedback"):
        read_history(str(tmp_path))
    with pytest.raises(DataError, match=r"No file .*absent.parquet"):
        read_history(str(tmp_path / "absent.parquet"))
