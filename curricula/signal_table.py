"""All signals of one plan, and their file: one column per signal, with its provenance inside the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curricula.arrays import Scores
from curricula.left_out import LeftOut
from curricula.signals.base import Column, Signal
from lessons.errors import ConfigError, DataError
from lessons.files import staged
from lessons.lesson_set import LessonSet

__all__ = ["SignalTable", "measure", "read_signals", "write_signals"]

RESERVED = ("lesson_id", "left_out", "left_out_for", "rank")
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
    left_out: LeftOut | None = None
    """Which lessons the plan's selectors left out, and why; None where nothing was selected."""
    rank: npt.NDArray[np.int64] | None = None
    """Place of each lesson in the order that a mixture draws from, -1 for those left out; None without a mixture."""

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
    taken = twice + [name for name in names if name in RESERVED]
    if taken:
        raise ConfigError(
            f"Signal names must differ from one another and from {', '.join(map(repr, RESERVED))}; these do not: "
            f"{', '.join(taken)}. Remove one of the signals or rename it."
        )
    columns = {signal.name: signal.measure(lessons) for signal in signals}
    return SignalTable(lessons.ids, columns, lessons.fingerprint)


def write_signals(path: str | Path, signals: SignalTable) -> None:
    """Write `signals.parquet`: lesson_id and one float64 column per signal, null where missing, provenance inside.

    Where lessons were selected, `left_out` numbers the reason and `left_out_for` names the lesson kept instead.
    """
    facts: dict[str, Any] = {
        "lessons_fingerprint": signals.lessons_fingerprint,
        "signals": {
            name: {"unit": column.unit, "provenance": column.provenance, "labels": column.labels}
            for name, column in signals.columns.items()
        },
    }
    arrays = {"lesson_id": pa.array(signals.lesson_ids, pa.string())}
    for name, column in signals.columns.items():
        arrays[name] = pa.array(column.values, from_pandas=True)  # NaN becomes null
    if signals.left_out is not None:
        facts["reasons"], facts["selectors"] = signals.left_out.reasons, signals.left_out.selectors
        twin = signals.left_out.twin
        arrays["left_out"] = pa.array(signals.left_out.reason, mask=signals.left_out.reason < 0)
        arrays["left_out_for"] = arrays["lesson_id"].take(pa.array(twin, mask=twin < 0))
    if signals.rank is not None:
        arrays["rank"] = pa.array(signals.rank, mask=signals.rank < 0)
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
            name: Column(
                np.asarray(table[name].to_numpy(), np.float64),
                known["unit"],
                known["provenance"],
                tuple(known.get("labels", ())),
            )
            for name, known in facts["signals"].items()
        }
        ids = table["lesson_id"].to_numpy().astype(object)
        signals = SignalTable(ids, columns, facts["lessons_fingerprint"])
        if "left_out" in table.column_names:
            signals = replace(signals, left_out=read_left_out(table, facts))
        if "rank" in table.column_names:
            signals = replace(signals, rank=filled(table["rank"]))
    except FileNotFoundError as error:
        raise DataError(f"No file {path}. Plan first (`tutelage plan`), or correct the path.") from error
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        raise DataError(
            f"{path} is not a signals file of tutelage ({error}): it must hold the columns and, in its schema's "
            f"metadata, the key {KEY.decode()!r}. Plan again."
        ) from error
    return signals


def read_left_out(table: pa.Table, facts: dict[str, Any]) -> LeftOut:
    """Read the record of the selection."""
    return LeftOut(
        filled(table["left_out"]).astype(np.int32),
        tuple((int(number), str(text)) for number, text in facts["reasons"]),
        filled(pc.index_in(table["left_out_for"], table["lesson_id"].combine_chunks(), skip_nulls=True)),
        tuple(facts["selectors"]),
    )


def filled(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return a column of whole numbers, -1 where it is null."""
    return np.asarray(column.cast(pa.int64()).fill_null(-1).to_numpy(), np.int64)
