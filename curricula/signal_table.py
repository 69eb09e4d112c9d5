"""All signals of one plan, and their file: one column per signal, with its provenance inside the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curricula.signals.base import Column, Scores, Signal
from lessons.errors import ConfigError, DataError
from lessons.files import staged
from lessons.lesson_set import LessonSet

__all__ = ["SignalTable", "measure", "read_signals", "write_signals"]

KEY = b"tutelage.signals"  # in the Parquet schema's metadata, so no second file can get lost


@dataclass(frozen=True, eq=False)
class SignalTable:
    """One column per signal, one row per lesson."""

    lesson_ids: npt.NDArray[np.object_]
    """The lessons' ids, [lessons]."""
    columns: dict[str, Column]
    """The signals by name."""
    lessons_fingerprint: str
    """`LessonSet.fingerprint` of the lessons."""

    def __len__(self) -> int:
        return len(self.lesson_ids)

    def column(self, name: str) -> Column:
        """Return a signal.

        Raises:
            DataError: There is none of this name.
        """
        if name not in self.columns:
            raise DataError(
                f"There is no signal {name!r}; there are: {', '.join(self.columns) or 'none'}. "
                "Choose one of them, or add the signal to the plan."
            )
        return self.columns[name]

    def scores(self, name: str) -> Scores:
        """Return a signal's values, float64 [lessons]."""
        return self.column(name).values


def measure(lessons: LessonSet, signals: Sequence[Signal]) -> SignalTable:
    """Compute all signals.

    Raises:
        ConfigError: Two signals have the same name.
        DataError: The lessons do not hold what a signal reads.
    """
    names = [signal.name for signal in signals]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or "lesson_id" in names:
        raise ConfigError(
            f"Signal names must differ from one another and from 'lesson_id'; these do not: "
            f"{', '.join(twice) or 'lesson_id'}. Remove one of the signals or rename it."
        )
    columns = {signal.name: signal.measure(lessons) for signal in signals}
    return SignalTable(lessons.ids, columns, lessons.fingerprint)


def write_signals(path: str | Path, signals: SignalTable) -> None:
    """Write `signals.parquet`: lesson_id and one float64 column per signal, null where missing, provenance inside."""
    facts = {
        "lessons_fingerprint": signals.lessons_fingerprint,
        "signals": {
            name: {"unit": column.unit, "provenance": column.provenance} for name, column in signals.columns.items()
        },
    }
    arrays = {"lesson_id": pa.array(signals.lesson_ids, pa.string())}
    for name, column in signals.columns.items():
        arrays[name] = pa.array(column.values, from_pandas=True)  # NaN becomes null
    table = pa.table(arrays).replace_schema_metadata({KEY: json.dumps(facts, ensure_ascii=False, allow_nan=False)})
    with staged(path) as partial:
        pq.write_table(table, partial)


def read_signals(path: str | Path) -> SignalTable:
    """Read `signals.parquet`.

    Raises:
        DataError: The file is missing, unreadable or was not written by `write_signals`.
    """
    try:
        table = pq.read_table(path)
        facts: dict[str, Any] = json.loads((table.schema.metadata or {})[KEY])
        columns = {
            name: Column(np.asarray(table[name].to_numpy(), np.float64), known["unit"], known["provenance"])
            for name, known in facts["signals"].items()
        }
        ids = table["lesson_id"].to_numpy().astype(object)
    except FileNotFoundError as error:
        raise DataError(f"No file {path}. Plan first (`tutelage plan`), or correct the path.") from error
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        raise DataError(
            f"{path} is not a signals file of tutelage ({error}): it must hold the columns and, in its schema's "
            f"metadata, the key {KEY.decode()!r}. Plan again."
        ) from error
    return SignalTable(ids, columns, facts["lessons_fingerprint"])
