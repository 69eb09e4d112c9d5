"""Prompts from Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lessons.errors import DataError
from lessons.sources.file_source import FileSource
from lessons.sources.source_files import existing_file

__all__ = ["ParquetSource", "parquet_rows"]

ROWS_AT_ONCE = 1_000


class ParquetSource(FileSource):
    """Reads a Parquet file, or a folder of them in the order of their names, a piece at a time.

    Args:
        path: The file or the folder.
        columns: Which column is which field of a prompt.
        where: Keep only rows whose column has this value (or one of a list of values).
        skip: Leave out this many of the rows kept.
        limit: Yield at most this many prompts; None for all.
    """

    def rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the rows of all files."""
        return parquet_rows(self.path)


def parquet_rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ("file, row n", row) of a Parquet file or of the files of a folder; rows count from 0.

    Raises:
        DataError: A file is missing or is not Parquet.
    """
    folder = Path(path).expanduser()
    files = sorted(folder.glob("*.parquet")) if folder.is_dir() else [existing_file(path)]
    if not files:
        raise DataError(f"The folder {folder} holds no .parquet file. Name a Parquet file or a folder of them.")
    for name in files:
        try:
            with pq.ParquetFile(name) as file:
                start = 0
                for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                    for offset, row in enumerate(batch.to_pylist()):
                        yield f"{name}, row {start + offset}", row
                    start += batch.num_rows
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"{name} is not a readable Parquet file ({error}). A file written by pyarrow, polars, duckdb, pandas "
                "or datasets is allowed; for JSON Lines and CSV use JSONLSource and CSVSource."
            ) from error
