"""What was measured of each lesson during a run, on disk: a folder to which every measurement adds one small file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from glob import has_magic
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curricula.arrays import Scores
from lessons.errors import DataError
from lessons.files import staged
from lessons.tables import read_table

__all__ = ["HISTORY_SCHEMA", "HistoryFolder", "read_history"]

HISTORY_SCHEMA = pa.schema(
    [
        pa.field("lesson_id", pa.string(), nullable=False),
        pa.field("update", pa.int64(), nullable=False),
        pa.field("figure", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
"""One row for each time that a figure of a lesson was measured during a run."""


class HistoryFolder(NamedTuple):
    """The history of one run. Each file appears whole or not at all, and holds what was measured after one update."""

    path: Path
    """The folder; made with its first file."""

    def add(self, update: int, lesson_ids: npt.NDArray[np.object_], figures: Mapping[str, Scores]) -> None:
        """Write what was measured after an update: a value for each lesson, NaN where it was not measured.

        An update that is measured again, after a kill, replaces its file.
        """
        tables = []
        for name, values in figures.items():
            known = ~np.isnan(values)
            count = int(known.sum())
            ids = pa.array(lesson_ids[known], pa.string())
            columns = [ids, pa.repeat(pa.scalar(update, pa.int64()), count), pa.repeat(name, count), values[known]]
            tables.append(pa.table(columns, schema=HISTORY_SCHEMA))
        if any(table.num_rows for table in tables):
            with staged(self.path / f"{update:09d}.parquet") as partial:
                pq.write_table(pa.concat_tables(tables), partial)

    def cut_back(self, update: int) -> None:
        """Forget what was measured after a later update: a run that goes on from a checkpoint measures it again."""
        for part in self.path.glob("*.parquet"):
            if int(part.stem) > update:
                part.unlink()


def read_history(path: str) -> pa.Table:
    """Read a run's history, or several runs' one after another.

    Args:
        path: The folder, a Parquet file with the same columns, or a pattern of either ("runs/*/logs/history"): the runs
            that fit are taken in the order of their names, and their updates are counted on. A pattern that nothing
            fits yet is an empty history: the first run has none.

    Raises:
        DataError: There is no such folder or file, or it holds no history.
    """
    runs = [read_run(Path(path))] if not has_magic(path) else [read_run(found) for found in matching(path)]
    counted, before = [HISTORY_SCHEMA.empty_table()], 0
    for run in runs:
        counted.append(run.set_column(1, HISTORY_SCHEMA.field("update"), pc.add(run["update"], before)))
        before += pc.max(run["update"]).as_py() or 0
    return pa.concat_tables(counted)


def matching(pattern: str) -> Iterator[Path]:
    """Yield what fits a pattern, in the order of the names."""
    root = Path(Path(pattern).anchor)
    yield from sorted(root.glob(str(Path(pattern).relative_to(root))))


def read_run(path: Path) -> pa.Table:
    """Read one run's history."""
    if not path.is_dir():
        return read_table(path, HISTORY_SCHEMA)
    parts = sorted(path.glob("*.parquet"))
    if not parts:
        raise DataError(
            f"The folder {path} holds no history: no file in it ends in .parquet. Needed is the folder logs/history of "
            "a run that measured lessons (feedback.measures). Correct the path, or measure during that run."
        )
    return pa.concat_tables(read_table(part, HISTORY_SCHEMA) for part in parts)
