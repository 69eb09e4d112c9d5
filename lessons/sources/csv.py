"""Prompts from a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lessons.errors import DataError
from lessons.sources.columns import ColumnMap
from lessons.sources.file_source import FileSource
from lessons.sources.source_files import opened_bytes
from lessons.sources.tabular import AS_NAMED

__all__ = ["CSVSource", "csv_rows"]


class CSVSource(FileSource):
    """Reads a CSV file (UTF-8; also .csv.gz) whose first line names the columns; an empty cell counts as no value.

    Args:
        path: The file.
        columns: Which column is which field of a prompt.
        where: Keep only rows whose column has this value (or one of a list of values).
        skip: Leave out this many of the rows kept.
        limit: Yield at most this many prompts; None for all.
        delimiter: What separates the cells; a tab for TSV files.
    """

    def __init__(
        self,
        path: str,
        columns: ColumnMap = AS_NAMED,
        where: dict[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = None,
        delimiter: str = ",",
    ) -> None:
        super().__init__(path, columns, where, skip, limit)
        self.delimiter = delimiter

    def rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the rows; the place names the line where a row ends."""
        return csv_rows(self.path, self.delimiter)


def csv_rows(path: str | Path, delimiter: str = ",") -> Iterator[tuple[str, dict[str, str | None]]]:
    """Yield ("file:line", row) of each row of a CSV file; empty cells are None.

    Raises:
        DataError: The file is missing, is not UTF-8, or a row has too few or too many cells.
    """
    with opened_bytes(path) as packed, io.TextIOWrapper(packed, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                yield f"{path}:{reader.line_num}", checked(row, f"{path}:{reader.line_num}", reader.fieldnames or ())
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(
                f"{path}:{reader.line_num + 1}: not readable as CSV ({error}). UTF-8 text with the delimiter "
                f"{delimiter!r} is allowed: save it so, or correct that line."
            ) from error


def checked(row: dict[Any, Any], place: str, names: Any) -> dict[str, str | None]:
    """Return a row with empty cells as None, or refuse it when it does not fit the first line."""
    if None in row or None in row.values():
        cells = len(names) + (len(row[None]) if None in row else -list(row.values()).count(None))
        raise DataError(
            f"{place}: a row of {cells} cells under a first line of {len(names)} ({', '.join(names)}). "
            "Every row must have as many: put cells that hold the delimiter in double quotes, or correct the row."
        )
    return {name: value or None for name, value in row.items()}
